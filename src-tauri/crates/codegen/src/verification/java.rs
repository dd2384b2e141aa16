//! Java 17, with nothing but its standard library, which reads no JSON.

use hookline_signature::{Encoding, KeyForm, Unit};

use super::{Hash, Language, Model, Piece, Time, Value, literal, ruby};

pub(crate) const LANGUAGE: Language = Language {
    id: "java",
    name: "Java",
    template: include_str!("templates/java.java"),
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
            let (last, rest) = names.split_last()?;
            rest.iter().rev().fold(format!("headers.get({})", literal(last)), |or, name| {
                format!("headers.getOrDefault({}, {or})", literal(name))
            })
        }
        Value::Item(name) => format!("fields.get({})", literal(name)),
        Value::Position(place) => format!("items.get({place})"),
        Value::Json(_) => return None,
        Value::Url => "url".into(),
        Value::Path => "path".into(),
        Value::Method => "method".into(),
        Value::Param(name) => format!("params.get({})", literal(name)),
        Value::Secret => "secret".into(),
    })
}

fn piece(piece: &Piece) -> Option<String> {
    Some(match piece {
        Piece::Text(text) => format!("bytes({})", literal(text)),
        Piece::Body => "body".into(),
        Piece::BodySha256Hex => {
            r#"bytes(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body)))"#.into()
        }
        Piece::SecretBase64 => "Base64.getEncoder().encode(bytes(secret))".into(),
        Piece::Value(found) => format!("bytes({})", value(found)?),
    })
}

fn signed_at(time: &Time) -> Option<String> {
    let text = value(&time.value)?;
    Some(match time.unit {
        Unit::S => format!("Instant.ofEpochSecond(Long.parseLong({text}))"),
        Unit::Ms => format!("Instant.ofEpochMilli(Long.parseLong({text}))"),
        Unit::Iso => {
            format!(r#"Instant.parse({text}.matches(".*(Z|[+-]\\d\\d:?\\d\\d)") ? {text} : {text} + "Z")"#)
        }
        Unit::Raw => return None,
    })
}

fn key(form: KeyForm) -> Option<&'static str> {
    Some(match form {
        KeyForm::Text => "bytes(secret)",
        KeyForm::Base64 => "Base64.getDecoder().decode(secret)",
        KeyForm::Prefixed => r#"Base64.getDecoder().decode(secret.replaceFirst("^wh(sec|sk|pk)_", ""))"#,
        KeyForm::Hex => "HexFormat.of().parseHex(secret)",
        KeyForm::Pem | KeyForm::Spki => r#"Base64.getMimeDecoder().decode(secret.replaceAll("-----[^-]+-----", ""))"#,
        _ => return None,
    })
}

fn found(encoding: Option<Encoding>) -> Option<&'static str> {
    Some(match encoding {
        None => "bytes(signature)",
        Some(Encoding::Hex | Encoding::HexUpper) => "HexFormat.of().parseHex(signature)",
        Some(Encoding::Base64) => "Base64.getDecoder().decode(signature)",
        Some(Encoding::Base64url) => "Base64.getUrlDecoder().decode(signature)",
        Some(Encoding::Base64OfHex) => {
            "HexFormat.of().parseHex(new String(Base64.getDecoder().decode(signature), StandardCharsets.UTF_8))"
        }
        Some(Encoding::Base64Escaped) => return None,
    })
}

fn hash(hash: Hash) -> &'static str {
    (ruby::LANGUAGE.hash)(hash)
}

fn imports(_: &Model) -> Vec<&'static str> {
    Vec::new()
}
