//! Rust, with the crates of RustCrypto and of dalek.

use hookline_signature::{Encoding, KeyForm, Unit};

use super::{Hash, Kind, Language, Model, Piece, Time, Value, literal};

pub(crate) const LANGUAGE: Language = Language {
    id: "rust",
    name: "Rust",
    template: include_str!("templates/rust.rs"),
    value,
    place,
    piece,
    signed_at,
    key,
    found,
    hash,
    imports,
};

fn names(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| literal(name)).collect();
    format!("header(&[{}])", names.join(", "))
}

fn json(path: &[String]) -> String {
    format!(
        "json.pointer({}).and_then(|found| found.as_str().map(str::to_owned).or_else(|| found.is_number().then(|| found.to_string())))",
        literal(&path.iter().map(|step| format!("/{step}")).collect::<String>())
    )
}

fn value(value: &Value) -> Option<String> {
    Some(match value {
        Value::Header(all) => format!("{}?", names(all)),
        Value::Item(name) => format!("field({})?", literal(name)),
        Value::Position(place) => format!("items.get({place})?"),
        Value::Json(path) => format!("{}?", json(path)),
        Value::Url => "url".into(),
        Value::Path => "path".into(),
        Value::Method => "method".into(),
        Value::Param(name) => format!("params.get({})?", literal(name)),
        Value::Secret => "secret".into(),
    })
}

fn place(found: &Value) -> Option<String> {
    match found {
        Value::Header(all) => Some(names(all)),
        Value::Json(path) => Some(json(path)),
        _ => None,
    }
}

fn piece(piece: &Piece) -> Option<String> {
    Some(match piece {
        Piece::Text(text) => format!("{}.as_bytes()", literal(text)),
        Piece::Body => "body".into(),
        Piece::BodySha256Hex => "hex::encode(sha2::Sha256::digest(body)).as_bytes()".into(),
        Piece::SecretBase64 => "STANDARD.encode(secret).as_bytes()".into(),
        Piece::Value(found) => format!("{}.as_bytes()", value(found)?),
    })
}

fn signed_at(time: &Time) -> Option<String> {
    let text = value(&time.value)?;
    Some(match time.unit {
        Unit::S => format!("{text}.parse::<i64>().ok()?.checked_mul(1_000)?"),
        Unit::Ms => format!("{text}.parse().ok()?"),
        Unit::Iso => format!(
            "{{ let text = {text}; text.parse::<jiff::Timestamp>().or_else(|_| format!(\"{{text}}Z\").parse()).ok()?.as_millisecond() }}"
        ),
        Unit::Raw => return None,
    })
}

fn key(form: KeyForm) -> Option<&'static str> {
    Some(match form {
        KeyForm::Text => "secret.as_bytes().to_vec()",
        KeyForm::Base64 => "STANDARD.decode(secret).ok()?",
        KeyForm::Prefixed => {
            r#"STANDARD.decode(["whsec_", "whpk_"].iter().find_map(|prefix| secret.strip_prefix(prefix)).unwrap_or(secret)).ok()?"#
        }
        KeyForm::Hex => "hex::decode(secret).ok()?",
        KeyForm::Pem | KeyForm::Spki => {
            r#"STANDARD.decode(secret.lines().filter(|line| !line.starts_with("-----")).flat_map(str::split_whitespace).collect::<String>()).ok()?"#
        }
        _ => return None,
    })
}

fn found(encoding: Option<Encoding>) -> Option<&'static str> {
    Some(match encoding {
        None => "Some(signature.as_bytes().to_vec())",
        Some(Encoding::Hex | Encoding::HexUpper) => "hex::decode(signature).ok()",
        Some(Encoding::Base64) => "STANDARD.decode(signature).ok()",
        Some(Encoding::Base64url) => "URL_SAFE_NO_PAD.decode(signature).ok()",
        Some(Encoding::Base64OfHex) => "STANDARD.decode(signature).ok().and_then(|text| hex::decode(text).ok())",
        Some(Encoding::Base64Escaped) => return None,
    })
}

fn hash(hash: Hash) -> &'static str {
    match hash {
        Hash::Md5 => "md5::Md5",
        Hash::Sha1 => "sha1::Sha1",
        Hash::Sha256 => "sha2::Sha256",
        Hash::Sha384 => "sha2::Sha384",
        Hash::Sha512 => "sha2::Sha512",
    }
}

fn imports(model: &Model) -> Vec<&'static str> {
    let mut lines = Vec::new();
    let form = model.key_form().unwrap_or_default();
    let standard = matches!(model.encoding, Some(Encoding::Base64 | Encoding::Base64OfHex))
        || matches!(form, KeyForm::Base64 | KeyForm::Prefixed | KeyForm::Pem | KeyForm::Spki)
        || model.pieces.contains(&Piece::SecretBase64);
    match (standard, model.encoding == Some(Encoding::Base64url)) {
        (true, true) => {
            lines.push("use base64::{Engine as _, engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD}};");
        }
        (true, false) => lines.push("use base64::{Engine as _, engine::general_purpose::STANDARD};"),
        (false, true) => lines.push("use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};"),
        (false, false) => {}
    }
    if model.kind == Kind::Hmac {
        lines.push("use hmac::{Hmac, KeyInit as _, Mac as _};");
    }
    if model.kind == Kind::Hash || model.pieces.contains(&Piece::BodySha256Hex) {
        lines.push("use sha2::Digest as _;");
    }
    match model.kind {
        Kind::Rsa => lines.push("use rsa::{pkcs8::DecodePublicKey as _, signature::Verifier as _};"),
        Kind::Ecdsa => lines.push("use p256::{ecdsa::signature::Verifier as _, pkcs8::DecodePublicKey as _};"),
        _ => {}
    }
    if !model.is_public() {
        lines.push("use subtle::ConstantTimeEq as _;");
    }
    lines
}
