//! Ruby, with nothing but its standard library.

use hookline_signature::{Encoding, KeyForm, Unit};

use super::{Hash, Language, Model, Piece, Time, Value, literal};

pub(crate) const LANGUAGE: Language = Language {
    id: "ruby",
    name: "Ruby",
    template: include_str!("templates/ruby.rb"),
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
    let steps: Vec<String> = steps
        .iter()
        .map(|step| match step.parse::<usize>() {
            Ok(at) => at.to_string(),
            Err(_) => literal(step),
        })
        .collect();
    format!("json.dig({})", steps.join(", "))
}

fn value(value: &Value) -> Option<String> {
    Some(match value {
        Value::Header(names) => {
            let (last, rest) = names.split_last()?;
            let rest: String = rest.iter().map(|name| format!("headers[{}] || ", literal(name))).collect();
            format!("({rest}headers.fetch({}))", literal(last))
        }
        Value::Item(name) => format!("fields.fetch({})", literal(name)),
        Value::Position(place) => format!("items.fetch({place})"),
        Value::Json(steps) => path(steps),
        Value::Url => "url".into(),
        Value::Path => "path".into(),
        Value::Method => "method".into(),
        Value::Param(name) => format!("params.fetch({})", literal(name)),
        Value::Secret => "secret".into(),
    })
}

fn place(found: &Value) -> Option<String> {
    match found {
        Value::Header(names) => {
            Some(names.iter().map(|name| format!("headers[{}]", literal(name))).collect::<Vec<_>>().join(" || "))
        }
        other => value(other),
    }
}

fn piece(piece: &Piece) -> Option<String> {
    Some(match piece {
        Piece::Text(text) => literal(text),
        Piece::Body => "body".into(),
        Piece::BodySha256Hex => r#"OpenSSL::Digest.hexdigest("SHA256", body)"#.into(),
        Piece::SecretBase64 => "Base64.strict_encode64(secret)".into(),
        Piece::Value(found) => format!("{}.to_s", value(found)?),
    })
}

fn signed_at(time: &Time) -> Option<String> {
    let text = value(&time.value)?;
    Some(match time.unit {
        Unit::S => format!("Integer({text}.to_s, 10)"),
        Unit::Ms => format!("Integer({text}.to_s, 10) / 1000.0"),
        Unit::Iso => format!(r##"Time.parse({text}.match?(/(Z|[+-]\d\d:?\d\d)\z/) ? {text} : "#{{{text}}}Z").to_f"##),
        Unit::Raw => return None,
    })
}

fn key(form: KeyForm) -> Option<&'static str> {
    Some(match form {
        KeyForm::Text => "secret",
        KeyForm::Base64 => "Base64.decode64(secret)",
        KeyForm::Prefixed => r#"Base64.decode64(secret.sub(/\Awh(sec|sk|pk)_/, ""))"#,
        KeyForm::Hex => r#"[secret].pack("H*")"#,
        KeyForm::Pem | KeyForm::Spki => r#"Base64.decode64(secret.gsub(/-----[^-]+-----/, ""))"#,
        _ => return None,
    })
}

fn found(encoding: Option<Encoding>) -> Option<&'static str> {
    Some(match encoding {
        None => "signature.b",
        Some(Encoding::Hex | Encoding::HexUpper) => r#"[signature].pack("H*")"#,
        Some(Encoding::Base64) => "Base64.decode64(signature)",
        Some(Encoding::Base64url) => "Base64.urlsafe_decode64(signature)",
        Some(Encoding::Base64OfHex) => r#"[Base64.decode64(signature)].pack("H*")"#,
        Some(Encoding::Base64Escaped) => return None,
    })
}

fn hash(hash: Hash) -> &'static str {
    match hash {
        Hash::Md5 => "MD5",
        Hash::Sha1 => "SHA1",
        Hash::Sha256 => "SHA256",
        Hash::Sha384 => "SHA384",
        Hash::Sha512 => "SHA512",
    }
}

fn imports(model: &Model) -> Vec<&'static str> {
    let all = [
        ("base64", true),
        ("json", model.has(|value| matches!(value, Value::Json(_)))),
        ("openssl", true),
        ("time", model.time.as_ref().is_some_and(|time| time.unit == Unit::Iso)),
    ];
    all.iter().filter(|(_, used)| *used).map(|(name, _)| *name).collect()
}
