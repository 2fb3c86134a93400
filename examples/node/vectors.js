// Whether the msgpack library reads what the fabric's test vectors say. node vectors.js ../../tests/vectors
import {readFileSync} from "node:fs"
import {join} from "node:path"
import {decode, encode} from "@msgpack/msgpack"

const folder = process.argv[2]
const load = name => JSON.parse(readFileSync(join(folder, name), "utf8"))
const BIG = {useBigInt64: true}

function octets({hex, parts}) {
  return hex !== undefined ? Buffer.from(hex, "hex") : Buffer.concat(parts.map(([text, count]) => {
    const part = Buffer.from(text, "hex"), all = Buffer.alloc(part.length * count)
    for (let i = 0; i < count; i++) part.copy(all, i * part.length)
    return all
  }))
}
const hex = bytes => Buffer.from(bytes).toString("hex")
function bits(number) {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, number)
  return hex(new Uint8Array(view.buffer))
}

// Whether a decoded value is what a vector of documents.json says. A JavaScript number may be either kind.
function same(value, wanted) {
  if (wanted === null || typeof wanted === "boolean") return value === wanted
  if (Array.isArray(wanted)) return Array.isArray(value) && value.length === wanted.length && wanted.every((each, i) => same(value[i], each))
  if ("integer" in wanted) return String(value) === wanted.integer
  if ("float" in wanted) return typeof value === "number" && bits(value) === wanted.float
  if ("string" in wanted) return value === wanted.string
  if ("bin" in wanted) return value instanceof Uint8Array && hex(value) === wanted.bin
  return typeof value === "object" && Object.keys(value).length === wanted.map.length
    && wanted.map.every(([key, each]) => Object.hasOwn(value, key.string) && same(value[key.string], each))
}

// Whether a known key of a header is what headers.json says.
function means(key, value, wanted) {
  if (key === "cookie") return (value instanceof Uint8Array ? hex(value) : value.replaceAll("-", "").toLowerCase()) === wanted
  if (key === "variables" || key === "result") return hex(typeof value === "string" ? Buffer.from(value) : value) === wanted
  if (typeof value === "bigint" || typeof value === "number") return String(value) === wanted
  return JSON.stringify(value) === JSON.stringify(wanted)
}

// What the library does otherwise; none of it comes from a fabric's broker unless a peer of another language sends it.
const known = new Map([
  ["msgpack: an unknown key with keys that are no strings", "it refuses maps as keys"],
  ["msgpack to json: a key twice: the receiver's business", "an object keeps the last"],
  ["msgpack to json: float -0.0", "it is read, and written as the integer 0"],
  ["msgpack to json: float32 80000000", "it is read, and written as the integer 0"],
])

let count = 0
const wrong = []
function check(name, probe) {
  if (known.has(name)) return console.log(`${name}: ${known.get(name)}`)
  count++
  try {
    if (probe()) return
    wrong.push(name)
  } catch (problem) {
    wrong.push(`${name}: ${problem.message}`)
  }
}

for (const vector of load("headers.json").filter(each => each.valid && each.codec === "msgpack"))
  check(vector.name, () => {
    const header = decode(octets(vector), BIG)
    return Object.entries(vector.meaning).every(([key, wanted]) => means(key, header[key], wanted))
  })
for (const vector of load("documents.json").filter(each => each.valid && each.from === "msgpack"))
  check(vector.name, () => {
    const value = decode(octets(vector), BIG)
    return same(value, vector.value) && same(decode(encode(value, BIG), BIG), vector.value)
  })
console.log(`${count} vectors, ${wrong.length} wrong`)
for (const name of wrong) console.log(name)
process.exitCode = wrong.length || !count ? 1 : 0
