"""Makes `vectors-pypi.json`: messages with the verdict of the vendors' own Python SDKs, good ones
and tampered. Run by hand when an SDK or a rule changes:
`pip install -r requirements.txt && python generate.py`."""

import base64
import datetime
import hashlib
import hmac
import importlib.metadata
import json
import logging
import pathlib
import time
import urllib.parse

logging.disable(logging.CRITICAL)
NOW = int(time.time())
URL = "https://example.com/hooks?a=1"
SECRET = "5ec2e75ec2e75ec2e75ec2e75ec2e7abcdef0123"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = json.dumps({"type": "thing.happened", "id": "evt_1", "text": "Zoë — 100 % / ✓", "list": [1, 2.5, None]}, ensure_ascii=False)
FORM = "CallSid=CA1&From=%2B14158675309&Caller=thing+happened&Digits=1234"
vectors, failed = [], []


def raw(headers, body):
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return base64.b64encode(f"POST /hooks?a=1 HTTP/1.1\r\nHost: example.com\r\n{head}\r\n{body}".encode()).decode()


def another(secret):
    if secret.startswith("whsec_M"):
        return "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    return secret[:-1] + ("5" if secret.endswith("4") else "4")


def tampered(good):
    yield "as signed", good, True
    yield "a byte of the body", {**good, "body": good["body"].replace("thing", "thinG")}, False
    yield "another secret", {**good, "secret": good.get("other") or another(good["secret"])}, False
    middle = {n: v[:-12] + ("b" if v[-12] == "a" else "a") + v[-11:] if n in good["signature"] else v for n, v in good["headers"].items()}
    yield "the signature's middle", {**good, "headers": middle}, False


def vendor(by, provider, good, verdict, **more):
    """`verdict` asks the SDK: anything but an exception or a false value says valid."""
    good = {"url": URL, "body": BODY, **good}
    found = []
    try:
        for what, message, wanted in tampered(good):
            if not wanted and message == good:
                continue
            try:
                said = verdict(message) is not False
            except Exception as error:
                said = False
                if wanted:
                    raise error
            if said != wanted:
                raise AssertionError(f"{what}: the SDK says {said}")
            found.append({"provider": provider, "by": f"{by} {importlib.metadata.version(by)}", "what": what, "secret": message["secret"], "url": message["url"], "now": NOW, "request": raw(message["headers"], message["body"]), "valid": wanted, **more})
        vectors.extend(found)
    except Exception as error:
        failed.append(f"{by}: {type(error).__name__} {error}")


def mac(secret, text, algorithm=hashlib.sha256):
    return hmac.new(secret.encode(), text.encode(), algorithm)


def b64(digest):
    return base64.b64encode(digest).decode()


import stripe

vendor("stripe", "stripe", {"secret": "whsec_test4", "signature": ["Stripe-Signature"], "headers": {"Stripe-Signature": f"t={NOW},v1={mac('whsec_test4', f'{NOW}.{BODY}').hexdigest()}"}}, lambda m: stripe.WebhookSignature.verify_header(m["body"], m["headers"]["Stripe-Signature"], m["secret"], 300))

import standardwebhooks
import svix.webhooks

when = datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc)
for by, module, provider, prefix in [("standardwebhooks", standardwebhooks, "standard-webhooks", "webhook"), ("svix", svix.webhooks, "svix", "svix")]:
    signed = module.Webhook(WHSEC).sign("msg_1", when, BODY)
    vendor(by, provider, {"secret": WHSEC, "signature": [f"{prefix}-signature"], "headers": {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": str(NOW), f"{prefix}-signature": signed}}, lambda m, module=module: (module.Webhook(m["secret"]).verify(m["body"], m["headers"]), True)[1])

from slack_sdk.signature import SignatureVerifier

vendor("slack_sdk", "slack", {"secret": SECRET, "signature": ["X-Slack-Signature"], "headers": {"X-Slack-Request-Timestamp": str(NOW), "X-Slack-Signature": SignatureVerifier(SECRET).generate_signature(timestamp=str(NOW), body=BODY)}}, lambda m: SignatureVerifier(m["secret"]).is_valid_request(m["body"], m["headers"]))

import twilio.request_validator

form = dict(urllib.parse.parse_qsl(FORM))
vendor("twilio", "twilio", {"secret": SECRET, "body": FORM, "signature": ["X-Twilio-Signature"], "headers": {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": twilio.request_validator.RequestValidator(SECRET).compute_signature(URL, form)}}, lambda m: twilio.request_validator.RequestValidator(m["secret"]).validate(m["url"], dict(urllib.parse.parse_qsl(m["body"])), m["headers"]["X-Twilio-Signature"]), scheme="twilio")

import razorpay

vendor("razorpay", "razorpay", {"secret": SECRET, "signature": ["X-Razorpay-Signature"], "headers": {"X-Razorpay-Signature": mac(SECRET, BODY).hexdigest()}}, lambda m: razorpay.Client(auth=("a", "b")).utility.verify_webhook_signature(m["body"], m["headers"]["X-Razorpay-Signature"], m["secret"]))

import plivo.utils.signature_v3 as plivo_v3
import plivo.utils as plivo_utils

sorted_form = "".join(n + v for n, v in sorted(form.items()))
vendor("plivo", "plivo", {"secret": SECRET, "body": FORM, "signature": ["X-Plivo-Signature-V3"], "headers": {"X-Plivo-Signature-V3-Nonce": "12345", "X-Plivo-Signature-V3": b64(mac(SECRET, f"{URL}.{sorted_form}.12345").digest())}}, lambda m: plivo_v3.validate_v3_signature("POST", m["url"], "12345", m["secret"], m["headers"]["X-Plivo-Signature-V3"], dict(urllib.parse.parse_qsl(m["body"]))), scheme="v3")
vendor("plivo", "plivo", {"secret": SECRET, "body": "", "signature": ["X-Plivo-Signature-V2"], "headers": {"X-Plivo-Signature-V2-Nonce": "12345", "X-Plivo-Signature-V2": b64(mac(SECRET, f"{URL.split('?')[0]}12345").digest())}}, lambda m: plivo_utils.validate_signature(m["url"], "12345", m["headers"]["X-Plivo-Signature-V2"], m["secret"]), scheme="v2")

import pusher

timed = json.dumps({"time_ms": NOW * 1000, "events": [{"name": "thing"}]})
vendor("pusher", "pusher", {"secret": SECRET, "body": timed, "signature": ["X-Pusher-Signature"], "headers": {"X-Pusher-Key": "key", "X-Pusher-Signature": mac(SECRET, timed).hexdigest()}}, lambda m: pusher.Pusher(app_id="1", key="key", secret=m["secret"]).validate_webhook("key", m["headers"]["X-Pusher-Signature"], m["body"]) is not None, params={"app_key": "key"})

from linebot.v3.webhook import SignatureValidator

vendor("line-bot-sdk", "line", {"secret": SECRET, "signature": ["X-Line-Signature"], "headers": {"X-Line-Signature": b64(mac(SECRET, BODY).digest())}}, lambda m: SignatureValidator(m["secret"]).validate(m["body"], m["headers"]["X-Line-Signature"]))

from openai import OpenAI

signed = standardwebhooks.Webhook(WHSEC).sign("msg_1", when, BODY)
vendor("openai", "openai", {"secret": WHSEC, "signature": ["webhook-signature"], "headers": {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": signed}}, lambda m: OpenAI(api_key="x").webhooks.verify_signature(m["body"], m["headers"], secret=m["secret"]))

from workos.webhooks import Webhooks

vendor("workos", "workos", {"secret": SECRET, "signature": ["WorkOS-Signature"], "headers": {"WorkOS-Signature": f"t={NOW * 1000}, v1={mac(SECRET, f'{NOW * 1000}.{BODY}').hexdigest()}"}}, lambda m: Webhooks.verify_header(Webhooks.__new__(Webhooks), event_body=m["body"].encode(), event_signature=m["headers"]["WorkOS-Signature"], secret=m["secret"]))

import gocardless_pro.webhooks

events = json.dumps({"events": [{"id": "EV1", "note": "thing"}]})
vendor("gocardless_pro", "gocardless", {"secret": SECRET, "body": events, "signature": ["Webhook-Signature"], "headers": {"Webhook-Signature": mac(SECRET, events).hexdigest()}}, lambda m: gocardless_pro.webhooks.parse(m["body"].encode(), m["secret"], m["headers"]["Webhook-Signature"]) is not None)

from easypost.util import validate_webhook

plain = json.dumps({"description": "thing.happened"})
vendor("easypost", "easypost", {"secret": SECRET, "body": plain, "signature": ["X-Hmac-Signature"], "headers": {"X-Hmac-Signature": "hmac-sha256-hex=" + mac(SECRET, plain).hexdigest()}}, lambda m: validate_webhook(m["body"].encode(), m["headers"], m["secret"]) is not None)

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from discord_interactions import verify_key

raw_key = lambda key: key.public_key().public_bytes_raw()
mine, theirs = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
vendor("discord-interactions", "discord", {"secret": raw_key(mine).hex(), "other": raw_key(theirs).hex(), "signature": ["X-Signature-Ed25519"], "headers": {"X-Signature-Timestamp": str(NOW), "X-Signature-Ed25519": mine.sign(f"{NOW}{BODY}".encode()).hex()}}, lambda m: verify_key(m["body"].encode(), m["headers"]["X-Signature-Ed25519"], str(NOW), m["secret"]))

from elevenlabs.client import ElevenLabs

vendor("elevenlabs", "elevenlabs", {"secret": SECRET, "signature": ["ElevenLabs-Signature"], "headers": {"ElevenLabs-Signature": f"t={NOW},v0={mac(SECRET, f'{NOW}.{BODY}').hexdigest()}"}}, lambda m: ElevenLabs(api_key="x").webhooks.construct_event(m["body"], m["headers"]["ElevenLabs-Signature"], m["secret"]) is not None)

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
import truelayer_signing


def pems():
    key = ec.generate_private_key(ec.SECP521R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode(), key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


(private, public), (_, other_public) = pems(), pems()
signer = truelayer_signing.sign_with_pem("k", private).set_method("POST").set_path("/hooks").set_body(BODY).add_header("X-Tl-Webhook-Timestamp", "2021-11-29T11:42:55Z")
vendor("truelayer-signing", "truelayer", {"secret": public, "other": other_public, "url": "https://example.com/hooks", "signature": ["Tl-Signature"], "headers": {"X-Tl-Webhook-Timestamp": "2021-11-29T11:42:55Z", "Tl-Signature": signer.sign()}}, lambda m: truelayer_signing.verify_with_pem(m["secret"]).set_method("POST").set_path("/hooks").set_body(m["body"]).add_header("X-Tl-Webhook-Timestamp", "2021-11-29T11:42:55Z").verify(m["headers"]["Tl-Signature"]))

pathlib.Path(__file__).with_name("vectors-pypi.json").write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")
print(len(vectors), "vectors by", len({one["by"] for one in vectors}), "SDKs")
print("\n".join(failed))
