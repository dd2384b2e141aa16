//! Python 3, with nothing but its standard library, and for public keys `cryptography`.

use hookline_signature::{Encoding, KeyForm, Unit};

use super::{Hash, Kind, Language, Model, Piece, Time, Value, literal, node};

pub(crate) const LANGUAGE: Language = Language {
    id: "python",
    name: "Python",
    template: include_str!("templates/python.py"),
    value,
    place,
    piece,
    signed_at,
    key,
    found,
    hash,
    imports,
};

fn path(steps: &[String]) -> String {
    let steps = steps.iter().map(|step| match step.parse::<usize>() {
        Ok(at) => format!("[{at}]"),
        Err(_) => format!("[{}]", literal(step)),
    });
    format!("document{}", steps.collect::<String>())
}

fn value(value: &Value) -> Option<String> {
    Some(match value {
        Value::Header(names) => match names.split_last() {
            Some((last, rest)) => {
                let rest: String = rest.iter().map(|name| format!("headers.get({}) or ", literal(name))).collect();
                format!("({rest}headers[{}])", literal(last))
            }
            None => return None,
        },
        Value::Item(name) => format!("fields[{}]", literal(name)),
        Value::Position(place) => format!("items[{place}]"),
        Value::Json(steps) => path(steps),
        Value::Url => "url".into(),
        Value::Path => "path".into(),
        Value::Method => "method".into(),
        Value::Param(name) => format!("params[{}]", literal(name)),
        Value::Secret => "secret".into(),
    })
}

fn place(found: &Value) -> Option<String> {
    match found {
        Value::Header(names) => {
            Some(names.iter().map(|name| format!("headers.get({})", literal(name))).collect::<Vec<_>>().join(" or "))
        }
        other => value(other),
    }
}

fn piece(piece: &Piece) -> Option<String> {
    Some(match piece {
        Piece::Text(text) => format!("b{}", literal(text)),
        Piece::Body => "body".into(),
        Piece::BodySha256Hex => "hashlib.sha256(body).hexdigest().encode()".into(),
        Piece::SecretBase64 => "base64.b64encode(secret.encode())".into(),
        Piece::Value(found) => format!("str({}).encode()", value(found)?),
    })
}

fn signed_at(time: &Time) -> Option<String> {
    let text = value(&time.value)?;
    Some(match time.unit {
        Unit::S => format!("int({text})"),
        Unit::Ms => format!("int({text}) / 1000"),
        // Python before 3.11 reads no Z.
        Unit::Iso => format!(
            r#"(lambda at: at if at.tzinfo else at.replace(tzinfo=timezone.utc))(datetime.fromisoformat(re.sub(r"(\.\d{{6}})\d+", r"\1", {text}).replace("Z", "+00:00"))).timestamp()"#
        ),
        Unit::Raw => return None,
    })
}

fn key(form: KeyForm) -> Option<&'static str> {
    Some(match form {
        KeyForm::Text => "secret.encode()",
        KeyForm::Base64 => "base64.b64decode(secret)",
        KeyForm::Prefixed => r#"base64.b64decode(re.sub("^wh(sec|sk|pk)_", "", secret))"#,
        KeyForm::Hex => "bytes.fromhex(secret)",
        KeyForm::Pem | KeyForm::Spki => r#"base64.b64decode(re.sub(r"-----[^-]+-----|\s", "", secret))"#,
        _ => return None,
    })
}

fn found(encoding: Option<Encoding>) -> Option<&'static str> {
    Some(match encoding {
        None => "signature.encode()",
        Some(Encoding::Hex | Encoding::HexUpper) => "bytes.fromhex(signature)",
        Some(Encoding::Base64) => "base64.b64decode(signature)",
        Some(Encoding::Base64url) => r#"base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))"#,
        Some(Encoding::Base64OfHex) => "bytes.fromhex(base64.b64decode(signature).decode())",
        Some(Encoding::Base64Escaped) => return None,
    })
}

fn hash(hash: Hash) -> &'static str {
    (node::LANGUAGE.hash)(hash)
}

fn imports(model: &Model) -> Vec<&'static str> {
    let decodes = !matches!(model.encoding, None | Some(Encoding::Hex | Encoding::HexUpper));
    let iso = model.time.as_ref().is_some_and(|time| time.unit == Unit::Iso);
    let form = matches!(model.key_form(), Some(KeyForm::Base64 | KeyForm::Prefixed));
    let (ed25519, rsa, ecdsa) = (model.kind == Kind::Ed25519, model.kind == Kind::Rsa, model.kind == Kind::Ecdsa);
    let public = model.is_public();
    let all = [
        ("import base64", decodes || form || model.pieces.contains(&Piece::SecretBase64)),
        (
            "import hashlib",
            matches!(model.kind, Kind::Hmac | Kind::Hash) || model.pieces.contains(&Piece::BodySha256Hex),
        ),
        ("import hmac", !public),
        ("import json", model.has(|value| matches!(value, Value::Json(_)))),
        ("import re", !model.split.is_empty() || model.key_form() == Some(KeyForm::Prefixed) || rsa || ecdsa || iso),
        ("import time", model.time.is_some()),
        ("from datetime import datetime, timezone", iso),
        // The package `cryptography`: the standard library has no public keys.
        ("from cryptography.exceptions import InvalidSignature", public),
        ("from cryptography.hazmat.primitives import hashes", rsa || ecdsa),
        ("from cryptography.hazmat.primitives.asymmetric import padding", rsa),
        ("from cryptography.hazmat.primitives.asymmetric import ec", ecdsa),
        ("from cryptography.hazmat.primitives.serialization import load_der_public_key", rsa || ecdsa),
        ("from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey", ed25519),
    ];
    all.iter().filter(|(_, used)| *used).map(|(line, _)| *line).collect()
}
