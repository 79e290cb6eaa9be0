// The other direction: reads what verifier_sign made (the lines of sign.mjs with other headers), and prints for each line
// whether the sender's library accepts it.
import { createInterface } from "node:readline";
import { verify as verifyGithub } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const stripe = new Stripe("sk_test_1");

const checks = {
  github: ({ body, headers }, secret) => verifyGithub(secret, body, headers["x-hub-signature-256"]),
  // constructEvent reads the body as JSON, which not all of them are.
  stripe: ({ body, headers }, secret) =>
    stripe.webhooks.signature.verifyHeader(body, headers["stripe-signature"], secret, 300),
  "standard-webhooks": ({ body, headers }, secret) => verifyStandard(body, headers, secret),
  gitlab: ({ body, headers }, secret) => verifyStandard(body, headers, secret),
};

// Its `verify` returns the body as JSON as well; only what it says of the signature counts.
function verifyStandard(body, headers, secret) {
  try {
    new Webhook(secret).verify(body, headers);
  } catch (error) {
    if (error instanceof SyntaxError) return true;
    throw error;
  }
  return true;
}

for await (const text of createInterface({ input: process.stdin })) {
  const signed = JSON.parse(text);
  const { preset, secret } = signed.signature;
  let ok = false;
  try {
    ok = await checks[preset](signed, secret);
  } catch (error) {
    ok = String(error.message);
  }
  console.log(ok === true ? "ok" : `refused: ${String(ok).split("\n")[0]}`);
}
