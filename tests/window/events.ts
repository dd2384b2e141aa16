/** Signed webhooks as their vendors send them, for the screenshots. */
import { createHmac } from "node:crypto";

/** A webhook ready to be sent to a listener. */
export interface Webhook {
  method: string;
  /** Path after the name of the inbox, with its query. */
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** Signing secrets of the inboxes, by inbox. */
export const SECRETS = {
  stripe: "whsec_k9mJ4vT2wQ8xRb6nYcL1",
  github: "correct-horse-battery-staple",
  shopify: "hush-7f41c0d9",
} as const;

const AGENTS = {
  stripe: "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
  github: "GitHub-Hookshot/f4b1c2a",
  shopify: "Shopify-Captain-Hook",
} as const;

/** Returns a POST to the inbox itself. */
const post = (headers: Record<string, string>, body: string): Webhook => ({
  method: "POST",
  path: "",
  headers: { "content-type": "application/json", ...headers },
  body,
});

/** Returns the HMAC-SHA256 of a text, in an encoding. */
const hmac = (secret: string, text: string, encoding: "hex" | "base64"): string =>
  createHmac("sha256", secret).update(text).digest(encoding);

/** Stripe webhook, https://docs.stripe.com/webhooks#verify-manually. */
export function stripe(type: string, id: string, object: object, secret: string = SECRETS.stripe): Webhook {
  const created = Math.floor(Date.now() / 1000);
  const event = {
    id: `evt_${id}`,
    object: "event",
    api_version: "2026-09-30.basil",
    created,
    type,
    livemode: false,
    pending_webhooks: 1,
    request: { id: `req_${id.slice(0, 14)}`, idempotency_key: null },
    data: { object },
  };
  const body = JSON.stringify(event, null, 2);
  const signature = hmac(secret, `${created}.${body}`, "hex");
  return post({ "stripe-signature": `t=${created},v1=${signature}`, "user-agent": AGENTS.stripe }, body);
}

/** GitHub webhook, https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries. */
export function github(event: string, delivery: string, payload: object): Webhook {
  const body = JSON.stringify(payload);
  const headers = {
    "x-github-event": event,
    "x-github-delivery": delivery,
    "x-hub-signature-256": `sha256=${hmac(SECRETS.github, body, "hex")}`,
    "user-agent": AGENTS.github,
  };
  return post(headers, body);
}

/** Shopify webhook, https://shopify.dev/docs/apps/build/webhooks/subscribe/https. */
export function shopify(topic: string, id: string, payload: object): Webhook {
  const body = JSON.stringify(payload);
  const headers = {
    "x-shopify-topic": topic,
    "x-shopify-webhook-id": id,
    "x-shopify-shop-domain": "northwind-mugs.myshopify.com",
    "x-shopify-hmac-sha256": hmac(SECRETS.shopify, body, "base64"),
    "user-agent": AGENTS.shopify,
  };
  return post(headers, body);
}

const invoice = (number: string, customer: string, email: string, amount: number, extra: object = {}): object => ({
  id: `in_1Q${number}`,
  object: "invoice",
  number,
  amount_due: amount,
  amount_paid: 0,
  currency: "eur",
  customer,
  customer_email: email,
  attempt_count: 1,
  lines: {
    object: "list",
    data: [
      {
        id: `il_1Q${number}`,
        description: "Team plan, monthly",
        amount,
        quantity: 5,
        period: { start: 1796083200, end: 1798675200 },
      },
    ],
    has_more: false,
  },
  ...extra,
});

/** One morning of a small shop, oldest first, by inbox. */
export const MORNING = (): readonly [keyof typeof SECRETS, Webhook][] => [
  [
    "stripe",
    stripe("customer.created", "1QZk01LkdIwHu7ixAm3lie", {
      id: "cus_Rw41",
      object: "customer",
      email: "amelie@fournier.example",
      name: "Amélie Fournier",
    }),
  ],
  [
    "github",
    github("push", "8a1f0c52-6d0e-11f0-9e51-0c2f1b7d8e10", {
      ref: "refs/heads/main",
      repository: { full_name: "northwind/shop" },
      head_commit: { id: "5e1c309d", message: "Charge in the currency of the customer" },
      pusher: { name: "lena" },
    }),
  ],
  [
    "stripe",
    stripe(
      "invoice.created",
      "1QZk02LkdIwHu7ixBn4vde",
      invoice("A-1041", "cus_Rw41", "amelie@fournier.example", 14500),
    ),
  ],
  [
    "stripe",
    stripe(
      "invoice.finalized",
      "1QZk03LkdIwHu7ixCq9sTe",
      invoice("A-1041", "cus_Rw41", "amelie@fournier.example", 14500),
    ),
  ],
  [
    "shopify",
    shopify("orders/create", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043", {
      id: 5871184118,
      name: "#1184",
      email: "tomas@ruiz.example",
      total_price: "49.90",
      currency: "EUR",
      line_items: [{ sku: "MUG-BLUE", quantity: 2, price: "24.95" }],
    }),
  ],
  [
    "stripe",
    stripe("payment_intent.created", "1QZk04LkdIwHu7ixDr2kQa", {
      id: "pi_3QZk04",
      object: "payment_intent",
      amount: 14500,
      currency: "eur",
      status: "requires_payment_method",
    }),
  ],
  [
    "stripe",
    stripe("payment_intent.payment_failed", "1QZk05LkdIwHu7ixEs7mWb", {
      id: "pi_3QZk04",
      object: "payment_intent",
      amount: 14500,
      currency: "eur",
      status: "requires_payment_method",
      last_payment_error: {
        code: "card_declined",
        decline_code: "insufficient_funds",
        message: "Your card has insufficient funds.",
      },
    }),
  ],
  [
    "stripe",
    stripe(
      "invoice.payment_failed",
      "1QZk06LkdIwHu7ixFt1nXc",
      invoice("A-1041", "cus_Rw41", "amelie@fournier.example", 14500, { next_payment_attempt: 1796342400 }),
    ),
  ],
  [
    "github",
    github("pull_request", "9b2e1d63-6d0e-11f0-8c44-7a9d3f5e2b21", {
      action: "opened",
      number: 212,
      pull_request: { title: "Retry failed cards after three days", user: { login: "lena" }, draft: false },
      repository: { full_name: "northwind/shop" },
    }),
  ],
  [
    "stripe",
    stripe(
      "customer.updated",
      "1QZk07LkdIwHu7ixGu5pYd",
      {
        id: "cus_Rw41",
        object: "customer",
        email: "amelie@fournier.example",
        name: "Amélie Fournier",
        default_source: "card_1QZk07",
      },
      "whsec_of_another_endpoint",
    ),
  ],
  [
    "stripe",
    stripe("payment_intent.succeeded", "1QZk08LkdIwHu7ixHv8qZe", {
      id: "pi_3QZk08",
      object: "payment_intent",
      amount: 14500,
      currency: "eur",
      status: "succeeded",
    }),
  ],
  [
    "stripe",
    stripe(
      "invoice.paid",
      "1QZk09LkdIwHu7ixJw2rAf",
      invoice("A-1041", "cus_Rw41", "amelie@fournier.example", 14500, {
        amount_paid: 14500,
        status: "paid",
        note: "Merci beaucoup 😊",
      }),
    ),
  ],
];
