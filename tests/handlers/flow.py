"""FastAPI handler as in the documentation of the flow platform. A missing field raises an exception (status 500)."""

import logging

from fastapi import FastAPI, HTTPException, Request

app = FastAPI()


@app.post("/webhook")
async def webhook(request: Request):
    try:
        payload = await request.json()
        event, session = payload.get("event"), payload.get("session_id")
        if event in ("flow.start", "flow.end"):
            print(event, payload["session_id"], flush=True)
        elif event in ("technology.start", "technology.end"):
            print(event, session, payload["data"]["technology_code"], flush=True)
        return {"status": "success"}
    except Exception as error:
        logging.exception("webhook failed")
        raise HTTPException(status_code=500, detail=str(error))
