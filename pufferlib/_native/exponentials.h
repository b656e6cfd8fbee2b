/* e^x and ln(x) without the C library, the same on every machine. */
#ifndef PUFFERLIB_EXPONENTIALS_H
#define PUFFERLIB_EXPONENTIALS_H

#include <stdint.h>

/* e^x within 1e-15 of itself: 2^k e^r with |r| <= ln(2) / 2. 0 below -700, and stays finite up to 700. */
static inline double exponential(double x) {
    if (!(x > -700)) return x != x ? x : 0;
    if (x > 700) x = 700;
    const double scaled = x * 1.44269504088896340736;
    const int64_t k = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    const double r = (x - (double)k * 6.93147180369123816490e-01) - (double)k * 1.90821492927058770002e-10;
    double sum = 1 / 479001600.0; /* Taylor's series to r^12 */
    static const double factors[12] = {1, 1, 1 / 2.0, 1 / 6.0, 1 / 24.0, 1 / 120.0, 1 / 720.0, 1 / 5040.0, 1 / 40320.0,
                                       1 / 362880.0, 1 / 3628800.0, 1 / 39916800.0};
    for (int i = 11; i >= 0; i--) sum = sum * r + factors[i];
    const uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* ln(x) within 1e-15 of itself, for x > 0 that isn't subnormal: x = 2^k m, and the series of the inverse hyperbolic tangent
 * for m near 1. */
static inline double logarithm(double x) {
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    int64_t k = (int64_t)(bits >> 52) - 1023;
    bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
    double m;
    __builtin_memcpy(&m, &bits, sizeof m);
    if (m > 1.41421356237309504880) {
        m *= 0.5;
        k++;
    }
    const double s = (m - 1) / (m + 1), square = s * s;
    double sum = 1 / 21.0;
    for (int i = 19; i >= 1; i -= 2) sum = sum * square + 1.0 / i;
    return (double)k * 6.93147180559945309417e-01 + 2 * s * sum;
}

#endif
