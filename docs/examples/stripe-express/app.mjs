import express from "express";
import Stripe from "stripe";

const stripe = new Stripe(process.env.STRIPE_API_KEY ?? "sk_test_unused");

/** Creates the app. `paid` collects the IDs of paid invoices. */
export function createApp(paid = new Set()) {
  const app = express();
  app.post("/webhooks/stripe", express.raw({ type: "application/json" }), (request, response) => {
    let event;
    try {
      const signature = request.headers["stripe-signature"];
      event = stripe.webhooks.constructEvent(request.body, signature, process.env.STRIPE_WEBHOOK_SECRET);
    } catch (error) {
      response.status(400).send(error.message);
      return;
    }
    if (event.type === "invoice.paid") paid.add(event.data.object.id);
    response.sendStatus(204);
  });
  return app;
}
