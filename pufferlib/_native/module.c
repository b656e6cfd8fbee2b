/* The extension module `pufferlib._native.core`: its method table and nothing else. */
#include "arrays.h"

#define METHOD(name, function, text) {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, text}

static PyMethodDef methods[] = {
    METHOD("adam", puffer_adam,
           "adam(parameters, gradients, learning_rate, beta1, beta2, epsilon, max_norm) -> norm of the gradients"),
    METHOD("advantage", puffer_advantage,
           "advantage(rewards, values, final_values, terminals, truncations, alive, advantages, num_steps, gamma, gae_lambda)"),
    METHOD("compile", puffer_compile, "compile(tree, gaps, size_bytes, num_items, dtype, coerce, restack) -> plan"),
    METHOD("env_batch", puffer_env_batch,
           "env_batch(name, autoreset, num_envs, num_agents, observation_bytes, action_bytes, state_bytes, num_numbers, arrays)"),
    METHOD("env_ends", puffer_env_ends, "env_ends(batch, first, count, records) -> whether they were as many as expected"),
    METHOD("env_init", puffer_env_init, "env_init(batch, first, count, config)"),
    METHOD("env_render", puffer_env_render, "env_render(batch, env, 1, pixels)"),
    METHOD("env_reset", puffer_env_reset, "env_reset(batch, first, count, selected, seeds, seeded)"),
    METHOD("env_state_bytes", puffer_env_state_bytes, "env_state_bytes(name, config) -> bytes"),
    METHOD("env_step", puffer_env_step, "env_step(batch, first, count) -> how many agents' episodes ended"),
    METHOD("env_table", puffer_env_table, "env_table() -> {name: bytes of a config}"),
    METHOD("pack", puffer_pack, "pack(plan, value, rows, index)"),
    METHOD("ppo_loss", puffer_ppo_loss,
           "ppo_loss(logits, values, actions, log_probs, old_values, advantages, returns, grad_logits, grad_values, metrics, "
           "clip, clip_value, value_coef, entropy_coef, normalize)"),
    METHOD("signal_done", puffer_signal_done, "signal_done(lines, worker, status)"),
    METHOD("signal_next", puffer_signal_next, "signal_next(lines, worker, spin_us, timeout_s) -> opcode, or -1 after the timeout"),
    METHOD("signal_send", puffer_signal_send, "signal_send(lines, first, count, opcode)"),
    METHOD("signal_size", puffer_signal_size, "signal_size(num_workers) -> bytes"),
    METHOD("signal_status", puffer_signal_status, "signal_status(lines, worker) -> (is_done, status)"),
    METHOD("signal_use_futex", puffer_signal_use_futex, "signal_use_futex(lines, wanted) -> whether they do"),
    METHOD("signal_wait", puffer_signal_wait,
           "signal_wait(lines, pending, group_size, need, cursor, ready, spin_us, timeout_s) -> number of ready groups"),
    METHOD("thread_post", puffer_thread_post, "thread_post(lines, jobs, batch, first, count) -> ticket"),
    METHOD("thread_serve", puffer_thread_serve, "thread_serve(lines, jobs, thread, batch, spin_us)"),
    METHOD("thread_step", puffer_thread_step,
           "thread_step(lines, jobs, batch, first, count, spin_us) -> how many agents' episodes ended"),
    METHOD("thread_stop", puffer_thread_stop, "thread_stop(lines, jobs)"),
    METHOD("thread_wait", puffer_thread_wait,
           "thread_wait(lines, jobs, ticket, spin_us) -> how many agents' episodes ended"),
    METHOD("unpack", puffer_unpack, "unpack(plan, rows, index) -> value"),
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "core", "Hot loops of pufferlib in C.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_core(void) {
    if (arrays_init() < 0) return NULL;
    return PyModule_Create(&definition);
}
