// A worker in Node.js: tasks run at the same time, as promises. node worker.js [BROKER]; Ctrl-C or SIGTERM: it finishes first.
//
// Speaks the protocol (docs/PROTOCOL.md) itself, in msgpack; needs zeromq and @msgpack/msgpack.
import {setTimeout as pause} from "node:timers/promises"
import {decode, encode} from "@msgpack/msgpack"
import {Dealer} from "zeromq"

const CAPACITY = 100
const BIG = {useBigInt64: true} // integers of 64 bits keep every digit

const handlers = {
  async shout(variables) {
    return Object.fromEntries(Object.entries(variables).map(([name, text]) => [name, text.toUpperCase()]))
  },
  async count(last, {sendPartial, signal}) {
    for (let number = 1; number <= last; number++) {
      await pause(20, undefined, {signal}) // instead of work that waits for something
      await sendPartial(number)
    }
    return last
  },
  async echo(variables) {
    return variables
  },
  async sleep(seconds, {sendPartial, signal}) {
    await sendPartial("asleep")
    await pause(1000 * Number(seconds), undefined, {signal}) // a CANCEL ends it here
    return seconds
  },
  async fail(message) {
    throw new Error(message)
  },
}

class Worker {
  constructor(endpoint) {
    this.socket = new Dealer({linger: 2000, ...keys()}) // ms, for the last results
    this.socket.connect(endpoint)
    this.sent = Promise.resolve()
    this.tasks = new Map() // by cookie, which may also be 16 octets: how to cancel it, and its report
  }

  // One at a time, as the socket wants it.
  send(packet_type, keys = {}, payload) {
    const frames = [encode({packet_type, ...keys})]
    if (payload !== undefined) frames.push(encode(payload, BIG))
    this.sent = this.sent.then(() => this.socket.send(frames))
    return this.sent
  }

  async report(cookie, pipeline, payload, signal) {
    let seq = 0
    const sendPartial = piece => this.send("PARTIAL", {cookie, seq: seq++}, piece)
    try {
      const variables = payload?.length ? decode(payload, BIG) : null
      const result = await handlers[pipeline](variables, {sendPartial, signal})
      await this.send("RESULT", {cookie, rc: "OK"}, result)
    } catch (problem) { // whatever a handler throws is its task's end, not ours
      if (signal.aborted) await this.send("RESULT", {cookie, rc: "CANCELLED"})
      else await this.send("RESULT", {cookie, rc: "PROCESSOR_EXCEPTION", error: String(problem),
        stacktrace: String(problem?.stack).split("\n").slice(0, 20)})
    }
    this.tasks.delete(String(cookie))
  }

  register() {
    return this.send("REGISTER", {capacity: CAPACITY, pipelines: Object.keys(handlers), heartbeat: 2000})
  }

  take({packet_type, cookie, pipeline, capacity}, payload) {
    if (packet_type === "RUN") {
      const cancel = new AbortController()
      this.tasks.set(String(cookie), {cancel, report: this.report(cookie, pipeline, payload, cancel.signal)})
    } else if (packet_type === "CANCEL") {
      this.tasks.get(String(cookie))?.cancel.abort()
    } else if (packet_type === "REGISTER" && (capacity ?? null) === null) {
      this.register() // the broker does not know us: a new one, say
    } else if (packet_type === "SHUTDOWN") {
      this.leave()
    }
  }

  async serve() {
    this.register()
    this.beats = setInterval(() => this.send("HEARTBEAT"), 1000) // so that either side notices when the other is gone
    for await (const [header, payload] of this.socket) this.take(decode(header), payload)
  }

  async leave() {
    if (this.leaving) return
    this.leaving = true
    this.send("SHUTDOWN")
    await Promise.all([...this.tasks.values()].map(task => task.report)) // they finish first
    clearInterval(this.beats)
    await this.sent
    this.socket.close()
  }
}

// CURVE, if the environment has keys: the broker's public one, and our own two.
function keys() {
  const {ZFABRIC_SERVER_KEY, ZFABRIC_PUBLIC_KEY, ZFABRIC_SECRET_KEY} = process.env
  if (!ZFABRIC_SERVER_KEY) return {}
  return {curveServerKey: ZFABRIC_SERVER_KEY, curvePublicKey: ZFABRIC_PUBLIC_KEY, curveSecretKey: ZFABRIC_SECRET_KEY}
}

const worker = new Worker(process.argv[2] ?? "tcp://127.0.0.1:51530")
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => worker.leave())
await worker.serve()
