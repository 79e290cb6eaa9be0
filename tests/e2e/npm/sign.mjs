// Signs bodies with the senders' own libraries: one JSON object per line, as tests/tools/verify_webhook.c reads them.
// The timestamp is now, since standardwebhooks asks for none other.
import { sign as signGithub } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const now = Date.now();
const bodies = [
  "Hello, World!",
  '{"id":"evt_1","object":"event","name":"Zo\u00eb \u2713"}',
  JSON.stringify({ text: "x".repeat(100000) }),
];

function line(preset, secret, headers, body) {
  console.log(JSON.stringify({ signature: { preset, secret }, headers, body, now }));
}

const stripe = new Stripe("sk_test_1");
for (const body of bodies) {
  line("github", "s3cret", { "x-hub-signature-256": await signGithub("s3cret", body) }, body);
  const payload = { payload: body, secret: "whsec_stripe", timestamp: Math.floor(now / 1000) };
  line("stripe", "whsec_stripe", { "stripe-signature": stripe.webhooks.generateTestHeaderString(payload) }, body);
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const headers = {
    "webhook-id": "msg_1",
    "webhook-timestamp": String(Math.floor(now / 1000)),
    "webhook-signature": new Webhook(secret).sign("msg_1", new Date(now), body),
  };
  line("standard-webhooks", secret, headers, body);
  line("gitlab", secret, headers, body);
}
