// A client in Node.js: many tasks at once on one socket. node client.js [BROKER]; worker.js serves what it runs.
//
// With more arguments it does one thing: examples/README.md. Speaks the protocol (docs/PROTOCOL.md) itself, in msgpack; needs
// zeromq and @msgpack/msgpack, and lossless-json for numbers on the command line that are too long for JavaScript's own.
import {randomUUID} from "node:crypto"
import {readFileSync} from "node:fs"
import {decode, encode} from "@msgpack/msgpack"
import {parse, stringify} from "lossless-json"
import {Dealer} from "zeromq"

const SILENCE = 5000 // ms without a word from the broker: it went away
const BIG = {useBigInt64: true} // integers of 64 bits keep every digit

class Failed extends Error {
  constructor({rc, error, stacktrace}) {
    super(`${rc}: ${error ?? ""}`)
    Object.assign(this, {rc, error: error ?? "", stacktrace: stacktrace ?? []})
  }
}

class Client {
  constructor(endpoint) {
    this.endpoint = endpoint
    this.tasks = new Map() // by cookie: who takes its packets
    this.beats = setInterval(() => this.keepInTouch(), 1000)
    this.connect()
  }

  // A fresh socket each time: the broker takes who comes back for somebody new.
  connect() {
    this.socket = new Dealer({linger: 2000, ...keys()}) // ms, for the last packets
    this.socket.connect(this.endpoint)
    this.sent = Promise.resolve()
    this.heard = Date.now()
    this.read(this.socket)
  }

  // One at a time, as the socket wants it.
  send(packet_type, keys = {}, payload) {
    const frames = [encode({packet_type, ...keys})], socket = this.socket
    if (payload !== undefined) frames.push(encode(payload, BIG))
    this.sent = this.sent.then(() => socket.send(frames)).catch(() => {}) // a lost one is noticed by the silence
    return this.sent
  }

  async read(socket) {
    for await (const [header, payload] of socket) {
      this.heard = Date.now()
      const packet = decode(header)
      if (packet.packet_type !== "PARTIAL" && packet.packet_type !== "RESULT") continue
      this.tasks.get(packet.cookie)?.(packet, payload?.length ? decode(payload, BIG) : null)
    }
  }

  keepInTouch() {
    if (Date.now() - this.heard < SILENCE) return this.send("HEARTBEAT") // the broker answers one with one
    this.socket.close()
    for (const take of this.tasks.values()) take({packet_type: "RESULT", rc: "BROKER_WENT_AWAY"}, null)
    this.connect()
  }

  close() {
    clearInterval(this.beats)
    this.sent.then(() => this.socket.close())
  }

  // Yields the pieces of the result, and then the result.
  async * stream(pipeline, variables, {cookie = randomUUID(), ...options} = {}) {
    const packets = []
    let wake
    this.tasks.set(cookie, (packet, value) => { packets.push([packet, value]); wake?.() })
    try {
      this.send("RUN", {cookie, pipeline, ...options}, variables)
      for (;;) {
        if (!packets.length) await new Promise(resolve => { wake = resolve })
        const [packet, value] = packets.shift()
        const end = packet.packet_type === "RESULT"
        if (end && packet.rc !== "OK") throw new Failed(packet)
        yield value
        if (end) return
      }
    } finally {
      this.tasks.delete(cookie)
    }
  }

  async run(pipeline, variables, options) {
    let last
    for await (const value of this.stream(pipeline, variables, options)) last = value
    return last
  }

  cancel(cookie) {
    return this.send("CANCEL", {cookie})
  }
}

// CURVE, if the environment has keys: the broker's public one, and our own two.
function keys() {
  const {ZFABRIC_SERVER_KEY, ZFABRIC_PUBLIC_KEY, ZFABRIC_SECRET_KEY} = process.env
  if (!ZFABRIC_SERVER_KEY) return {}
  return {curveServerKey: ZFABRIC_SERVER_KEY, curvePublicKey: ZFABRIC_PUBLIC_KEY, curveSecretKey: ZFABRIC_SECRET_KEY}
}

const show = value => process.stdout.write(stringify(value) + "\n")
// Integers as they are, or as a BigInt where a number would lose digits.
const number = text => /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text)) ? BigInt(text) : Number(text)

// One of run, stream, cancel and many; examples/README.md says what each prints.
async function command(client, verb, pipeline, text) {
  const variables = parse(text === "-" ? readFileSync(0, "utf8") : text, null, number), cookie = randomUUID()
  if (verb === "many") return show(await Promise.all(variables.map(each => client.run(pipeline, each))))
  if (verb === "run") return show(await client.run(pipeline, variables))
  for await (const piece of client.stream(pipeline, variables, {cookie, stream: true})) {
    show(piece)
    if (verb === "cancel") client.cancel(cookie)
  }
}

async function demonstrate(client) {
  console.log("run:", await client.run("shout", {text: "hello, fabric"}))
  const pieces = []
  for await (const piece of client.stream("count", 5, {stream: true})) pieces.push(piece)
  console.log("stream:", pieces)
  const cookie = randomUUID()
  try {
    for await (const _ of client.stream("count", 1000000, {cookie, stream: true})) client.cancel(cookie)
  } catch (failed) {
    console.log("cancel:", failed.rc)
  }
  const words = await Promise.all(Array.from({length: 1000}, (_, n) => client.run("shout", {n: `task ${n}`})))
  console.log("many:", words.length, words.at(-1))
}

const [endpoint = "tcp://127.0.0.1:51520", ...words] = process.argv.slice(2)
const client = new Client(endpoint)
try {
  await (words.length ? command(client, ...words) : demonstrate(client))
} catch (problem) {
  if (!(problem instanceof Failed)) throw problem
  const {rc, error, stacktrace} = problem
  show({rc, error, stacktrace})
  process.exitCode = 1
} finally {
  client.close()
}
