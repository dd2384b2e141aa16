/** VowChat's receiver with Express: 200 at once, the work beside it, no signature looked at. */
import express from "express";

async function work({ event, id }) {
  if (event === "message_created" && typeof id !== "string") throw new TypeError("a message's id is a string");
}

const server = express()
  .use(express.json())
  .post("/vowchat-webhook", (request, response) => {
    console.log(request.body.event);
    work(request.body).catch((error) => console.error(error.message));
    response.status(200).send("OK");
  })
  .listen(Number(process.env.PORT), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
