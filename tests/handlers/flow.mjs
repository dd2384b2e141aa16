/** Express handler as in the documentation of the flow platform: no signature, status 200 or 500. */
import express from "express";

const router = express.Router();
router.use(express.json());
router.post("/webhook", (request, response) => {
  try {
    const { event, session_id, data } = request.body;
    switch (event) {
      case "flow.start":
      case "flow.end":
        console.log(`${event} ${session_id.toLowerCase()}`);
        break;
      case "technology.start":
      case "technology.end":
        console.log(`${event} ${data.technology_code.toLowerCase()}`);
        break;
    }
    response.status(200).send("OK");
  } catch (error) {
    console.error(error.message);
    response.status(500).send("Internal server error");
  }
});

const server = express()
  .use(router)
  .listen(Number(process.env.PORT), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
