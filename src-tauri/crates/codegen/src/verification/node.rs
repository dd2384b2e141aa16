//! Node, with nothing but `node:crypto`.

use hookline_signature::{Encoding, KeyForm, Unit};

use super::{Hash, Kind, Language, Model, Piece, Time, Value, literal};

pub(crate) const LANGUAGE: Language = Language {
    id: "node",
    name: "Node",
    template: include_str!("templates/node.js"),
    value,
    place: value,
    piece,
    signed_at,
    key,
    found,
    hash,
    imports,
};

fn value(value: &Value) -> Option<String> {
    Some(match value {
        Value::Header(names) => {
            names.iter().map(|name| format!("headers[{}]", literal(name))).collect::<Vec<_>>().join(" ?? ")
        }
        Value::Item(name) => format!("field({})", literal(name)),
        Value::Position(place) => format!("items[{place}]"),
        Value::Json(path) => {
            let steps: String = path
                .iter()
                .map(|step| match step.parse::<usize>() {
                    Ok(at) => format!("?.[{at}]"),
                    Err(_) => format!("?.[{}]", literal(step)),
                })
                .collect();
            format!("json{steps}")
        }
        Value::Url => "url".into(),
        Value::Path => "path".into(),
        Value::Method => "method".into(),
        Value::Param(name) => format!("params[{}]", literal(name)),
        Value::Secret => "secret".into(),
    })
}

fn piece(piece: &Piece) -> Option<String> {
    Some(match piece {
        Piece::Text(text) => format!("Buffer.from({})", literal(text)),
        Piece::Body => "body".into(),
        Piece::BodySha256Hex => r#"Buffer.from(createHash("sha256").update(body).digest("hex"))"#.into(),
        Piece::SecretBase64 => r#"Buffer.from(Buffer.from(secret).toString("base64"))"#.into(),
        Piece::Value(found) => format!("Buffer.from(String({}))", value(found)?),
    })
}

fn signed_at(time: &Time) -> Option<String> {
    let text = value(&time.value)?;
    Some(match time.unit {
        Unit::S => format!("Number({text}) * 1000"),
        Unit::Ms => format!("Number({text})"),
        Unit::Iso => format!(r#"Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test({text}) ? {text} : `${{{text}}}Z`)"#),
        Unit::Raw => return None,
    })
}

fn key(form: KeyForm) -> Option<&'static str> {
    Some(match form {
        KeyForm::Text => "secret",
        KeyForm::Base64 => r#"Buffer.from(secret, "base64")"#,
        KeyForm::Prefixed => r#"Buffer.from(secret.replace(/^wh(sec|sk|pk)_/, ""), "base64")"#,
        KeyForm::Hex => r#"Buffer.from(secret, "hex")"#,
        KeyForm::Pem | KeyForm::Spki => r#"Buffer.from(secret.replace(/-----[^-]+-----/g, ""), "base64")"#,
        _ => return None,
    })
}

fn found(encoding: Option<Encoding>) -> Option<&'static str> {
    Some(match encoding {
        None => "Buffer.from(signature)",
        Some(Encoding::Hex | Encoding::HexUpper) => r#"Buffer.from(signature, "hex")"#,
        Some(Encoding::Base64) => r#"Buffer.from(signature, "base64")"#,
        Some(Encoding::Base64url) => r#"Buffer.from(signature, "base64url")"#,
        Some(Encoding::Base64OfHex) => r#"Buffer.from(Buffer.from(signature, "base64").toString(), "hex")"#,
        Some(Encoding::Base64Escaped) => return None,
    })
}

fn hash(hash: Hash) -> &'static str {
    match hash {
        Hash::Md5 => "md5",
        Hash::Sha1 => "sha1",
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
    }
}

fn imports(model: &Model) -> Vec<&'static str> {
    let mut names = Vec::new();
    if model.kind == Kind::Hash || model.pieces.contains(&Piece::BodySha256Hex) {
        names.push("createHash");
    }
    if model.kind == Kind::Hmac {
        names.push("createHmac");
    }
    names.extend(match model.kind {
        Kind::Ed25519 | Kind::Rsa | Kind::Ecdsa => ["createPublicKey", "verify as holds"].as_slice(),
        Kind::Hmac | Kind::Hash | Kind::Token => &["timingSafeEqual"],
    });
    names
}
