/** VowChat handler in Express: responds with 200 at once, then processes the event. Does not verify signatures. */
import express from "express";

async function work({ event, id }) {
  if (event === "message_created" && typeof id !== "string") throw new TypeError("the message id must be a string");
}

const server = express()
  .use(express.json())
  .post("/vowchat-webhook", (request, response) => {
    console.log(request.body.event);
    work(request.body).catch((error) => console.error(error.message));
    response.status(200).send("OK");
  })
  .listen(Number(process.env.PORT), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
