// node play_wasm.mjs FOLDER NAME NUM_ENVS: plays FOLDER/actions.bin and prints a hash of all that the steps gave.
import {createHash} from 'node:crypto'
import {readFileSync} from 'node:fs'
import {join} from 'node:path'

const [ocean, folder, name, numEnvs] = process.argv.slice(2)
const {Ocean} = await import(ocean)
const plan = JSON.parse(readFileSync(join(folder, `${name}.json`)))
const envs = await Ocean.load(readFileSync(join(folder, `${name}.wasm`)), plan, Number(numEnvs))
const table = readFileSync(join(folder, 'actions.bin'))
const given = new Uint8Array(envs.actions.buffer, envs.actions.byteOffset, envs.actions.byteLength)
const hash = createHash('sha256')

envs.reset(Array.from({length: Number(numEnvs)}, (_, i) => BigInt(7 + i)))
hash.update(envs.observations)
const parts = [envs.observations, envs.rewards, envs.terminals, envs.truncations, envs.mask]
for (let at = 0; at < table.length; at += given.length) {
  given.set(table.subarray(at, at + given.length))
  envs.step()
  for (const part of parts) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
}
envs.draw(0)
hash.update(new Uint8Array(envs.core.memory.buffer, envs.pixels, 3 * plan.frame[0] * plan.frame[1]))
console.log(hash.digest('hex'))
