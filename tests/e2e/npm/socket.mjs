// One connection by the library ws: socket.mjs OPTIONS. Each line of stdin is a list of the pieces of one message, sent as
// fragments; each line of stdout is what was heard. The end of stdin closes it.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import WebSocket from 'ws'

const options = JSON.parse(process.argv[2])
const say = line => process.stdout.write(JSON.stringify(line) + '\n')
const socket = new WebSocket(options.url, options.protocols, {
  headers: options.headers, perMessageDeflate: options.compression && { threshold: 0 },
  ca: options.ca ? readFileSync(options.ca) : undefined
})

socket.on('unexpected-response', (request, answer) => {
  say({ refused: answer.statusCode })
  process.exit(0)
})
socket.on('error', error => process.stderr.write(`${error}\n`))
socket.on('message', bytes => say({ text: bytes.toString() }))
socket.on('close', (code, reason) => say({ closed: code, reason: reason.toString() }))
socket.on('open', () => {
  say({ protocol: socket.protocol, extensions: socket.extensions })
  const lines = createInterface({ input: process.stdin })
  lines.on('line', line => {
    const pieces = JSON.parse(line)
    pieces.forEach((piece, i) => socket.send(piece, { fin: i === pieces.length - 1 }))
  })
  lines.on('close', () => socket.close(1000))
})
