// One native environment in WebAssembly: the same C as in the extension, with the same trajectories bit for bit.
//
//     const envs = await Ocean.load(bytes, plan)   bytes of NAME.wasm, and what `scripts/build_wasm.py` wrote as NAME.json
//     envs.reset([1n, 2n])                         one seed an environment, as BigInt
//     envs.actions.set([0n, 3n]); envs.step()      see `actions` for its type
//     envs.draw(0)                                 RGBA pixels of one environment, for an ImageData
//
// All arrays are views of the module's memory: valid as long as this object is.

const ACTIONS = {int64: BigInt64Array, int32: Int32Array, float32: Float32Array, float64: Float64Array, uint8: Uint8Array}

export class Ocean {
  static async load(bytes, plan, numEnvs = 1) {
    const {instance} = await WebAssembly.instantiate(bytes, {})
    return new Ocean(instance.exports, plan, numEnvs)
  }

  constructor(core, plan, numEnvs) {
    this.core = core
    this.plan = plan
    this.numEnvs = numEnvs
    const config = Uint8Array.from(plan.config)
    if (config.length !== core.config_bytes()) throw new Error(`the config has ${config.length} bytes, not ${core.config_bytes()}`)
    const at = core.allocate(config.length)
    new Uint8Array(core.memory.buffer, at, config.length).set(config)
    this.batch = core.make(at, numEnvs, plan.num_agents, plan.observation_bytes, plan.action_bytes, plan.num_numbers, plan.autoreset)
    this.seeds = core.allocate(8 * numEnvs)
    this.pixels = core.allocate(3 * plan.frame[0] * plan.frame[1])
    const rows = numEnvs * plan.num_agents
    const Actions = ACTIONS[plan.action_dtype]
    const view = (Type, name, count) => new Type(core.memory.buffer, core[name](this.batch), count) // memory grows no more
    this.actions = view(Actions, 'actions', rows * plan.action_bytes / Actions.BYTES_PER_ELEMENT)
    this.observations = view(Uint8Array, 'observations', rows * plan.observation_bytes)
    this.rewards = view(Float64Array, 'rewards', rows)
    this.terminals = view(Uint8Array, 'terminals', rows)
    this.truncations = view(Uint8Array, 'truncations', rows)
    this.mask = view(Uint8Array, 'mask', rows)
    this.returns = view(Float64Array, 'finished_returns', rows)
    this.lengths = view(BigInt64Array, 'finished_lengths', rows)
    this.numbers = view(Float64Array, 'numbers', rows * plan.num_numbers)
  }

  reset(seeds) {
    new BigUint64Array(this.core.memory.buffer, this.seeds, this.numEnvs).set(seeds)
    this.core.reset(this.batch, this.numEnvs, this.seeds)
  }

  step() {
    this.core.step(this.batch, this.numEnvs)
  }

  draw(env) {
    const [height, width] = this.plan.frame
    this.core.render(this.batch, env, this.pixels)
    const rgb = new Uint8Array(this.core.memory.buffer, this.pixels, 3 * height * width)
    const rgba = new Uint8ClampedArray(4 * height * width).fill(255)
    for (let i = 0; i < height * width; i++) rgba.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i)
    return rgba
  }
}
