/* Drawing for `render`: soft-edged boxes and lines, and small digits, on (height, width, 3) pixels.
 *
 * Lengths are pixels, from the top left; what lies outside the canvas isn't drawn. Places may be fractions: an edge that
 * covers part of a pixel is mixed into it, so that slow things move smoothly.
 */
#ifndef PUFFER_DRAW_H
#define PUFFER_DRAW_H

#include "puffer_env.h"

typedef struct {
    uint8_t *pixels;
    int32_t height, width;
} PufferCanvas;

typedef struct {
    uint8_t red, green, blue;
} PufferColour;

/* Mixes a colour into one pixel inside the canvas; share is 0-1. */
static inline void puffer_mix_pixel(PufferCanvas *canvas, int32_t row, int32_t column, PufferColour colour, double share) {
    uint8_t *pixel = canvas->pixels + 3 * (row * canvas->width + column);
    const uint8_t wanted[3] = {colour.red, colour.green, colour.blue};
    for (int i = 0; i < 3; i++) pixel[i] = (uint8_t)(pixel[i] + share * (wanted[i] - pixel[i]) + 0.5);
}

/* How much of the pixel [at, at + 1) lies within [low, high). */
static inline double puffer_overlap(int32_t at, double low, double high) {
    return puffer_clip(high - at, 0, 1) - puffer_clip(low - at, 0, 1);
}

/* Fills a box. */
static inline void puffer_box(PufferCanvas *canvas, double top, double left, double height, double width, PufferColour colour) {
    const double bottom = puffer_clip(top + height, 0, canvas->height), right = puffer_clip(left + width, 0, canvas->width);
    top = puffer_clip(top, 0, canvas->height), left = puffer_clip(left, 0, canvas->width);
    for (int32_t row = (int32_t)top; row < bottom; row++)
        for (int32_t column = (int32_t)left; column < right; column++)
            puffer_mix_pixel(canvas, row, column, colour, puffer_overlap(row, top, bottom) * puffer_overlap(column, left, right));
}

/* Fills the whole canvas. */
static inline void puffer_fill(PufferCanvas *canvas, PufferColour colour) {
    puffer_box(canvas, 0, 0, canvas->height, canvas->width, colour);
}

/* Draws a line with round ends from one place to another. */
static inline void puffer_line(PufferCanvas *canvas, double y0, double x0, double y1, double x1, double thickness, PufferColour colour) {
    const double dy = y1 - y0, dx = x1 - x0, length = dy * dy + dx * dx, reach = thickness / 2 + 1;
    const int32_t top = (int32_t)puffer_clip((y0 < y1 ? y0 : y1) - reach, 0, canvas->height);
    const int32_t left = (int32_t)puffer_clip((x0 < x1 ? x0 : x1) - reach, 0, canvas->width);
    const double bottom = puffer_clip((y0 < y1 ? y1 : y0) + reach, 0, canvas->height);
    const double right = puffer_clip((x0 < x1 ? x1 : x0) + reach, 0, canvas->width);
    for (int32_t row = top; row < bottom; row++)
        for (int32_t column = left; column < right; column++) {
            const double y = row + 0.5 - y0, x = column + 0.5 - x0;
            const double along = length > 0 ? puffer_clip((y * dy + x * dx) / length, 0, 1) : 0;
            const double off_y = y - along * dy, off_x = x - along * dx;
            const double inside = thickness / 2 + 0.5 - puffer_sqrt(off_y * off_y + off_x * off_x);
            puffer_mix_pixel(canvas, row, column, colour, puffer_clip(inside, 0, 1));
        }
}

/* Writes a whole number >= 0 in digits of 5 x 3 pixels, four columns each; gives the column after it. */
static inline int32_t puffer_number(PufferCanvas *canvas, int32_t top, int32_t left, int64_t number, PufferColour colour) {
    static const uint16_t digits[10] = {075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717};
    int64_t divisor = 1;
    while (number / divisor >= 10) divisor *= 10;
    for (; divisor > 0; divisor /= 10, left += 4)
        for (int32_t bit = 0; bit < 15; bit++)
            if (digits[number / divisor % 10] >> (14 - bit) & 1)
                puffer_box(canvas, top + bit / 3, left + bit % 3, 1, 1, colour);
    return left;
}

#endif
