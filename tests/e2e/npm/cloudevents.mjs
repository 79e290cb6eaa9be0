// Sends CloudEvents by their own library to the address that is named: one request for each line {"mode", "events"}; each event
// has its attributes and `data`, or `bytes` in base64. Prints the body of each answer.
import { createInterface } from "node:readline";
import { CloudEvent, emitterFor, httpTransport, Mode } from "cloudevents";

const url = process.argv[2];
const send = httpTransport(url);
const emitters = {
  binary: emitterFor(send, { mode: Mode.BINARY }),
  structured: emitterFor(send, { mode: Mode.STRUCTURED }),
};

function eventOf({ bytes, ...event }) {
  return new CloudEvent(bytes === undefined ? event : { ...event, data: new Uint8Array(Buffer.from(bytes, "base64")) });
}

// The library reads batches, but has no function that sends them; its events know how they are written.
function sendBatch(events) {
  return send({ headers: { "content-type": "application/cloudevents-batch+json" }, body: JSON.stringify(events) });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { mode, events } = JSON.parse(line);
  const made = events.map(eventOf);
  const answer = await (mode === "batch" ? sendBatch(made) : emitters[mode](made[0]));
  console.log(answer.body);
}
