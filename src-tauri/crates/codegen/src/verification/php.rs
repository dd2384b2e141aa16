//! PHP 8, with nothing but what ships with it.

use hookline_signature::{Encoding, KeyForm, Unit};

use super::{Hash, Language, Model, Piece, Time, Value, literal, node};

pub(crate) const LANGUAGE: Language = Language {
    id: "php",
    name: "PHP",
    template: include_str!("templates/php.php"),
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
            let names: String = names.iter().map(|name| format!("$headers[{}] ?? ", literal(name))).collect();
            format!("({names}null)")
        }
        Value::Item(name) => format!("($fields[{}] ?? null)", literal(name)),
        Value::Position(place) => format!("($items[{place}] ?? null)"),
        Value::Json(path) => {
            let steps: String = path
                .iter()
                .map(|step| match step.parse::<usize>() {
                    Ok(at) => format!("[{at}]"),
                    Err(_) => format!("[{}]", literal(step)),
                })
                .collect();
            format!("($json{steps} ?? null)")
        }
        Value::Url => "$url".into(),
        Value::Path => "$path".into(),
        Value::Method => "$method".into(),
        Value::Param(name) => format!("$params[{}]", literal(name)),
        Value::Secret => "$secret".into(),
    })
}

fn piece(piece: &Piece) -> Option<String> {
    Some(match piece {
        Piece::Text(text) => literal(text),
        Piece::Body => "$body".into(),
        Piece::BodySha256Hex => "hash('sha256', $body)".into(),
        Piece::SecretBase64 => "base64_encode($secret)".into(),
        Piece::Value(found) => value(found)?,
    })
}

fn signed_at(time: &Time) -> Option<String> {
    let text = value(&time.value)?;
    Some(match time.unit {
        Unit::S => format!("filter_var({text}, FILTER_VALIDATE_INT)"),
        Unit::Ms => format!("is_numeric({text}) ? {text} / 1000 : null"),
        Unit::Iso => format!("(date_create({text}, new DateTimeZone('UTC')) ?: null)?->format('U.u')"),
        Unit::Raw => return None,
    })
}

fn key(form: KeyForm) -> Option<&'static str> {
    Some(match form {
        KeyForm::Text => "$secret",
        KeyForm::Base64 => "base64_decode($secret)",
        KeyForm::Prefixed => "base64_decode(preg_replace('/^wh(sec|sk|pk)_/', '', $secret))",
        KeyForm::Hex => "hex2bin($secret)",
        KeyForm::Pem | KeyForm::Spki => r"preg_replace('/-----[^-]+-----|\s/', '', $secret)",
        _ => return None,
    })
}

fn found(encoding: Option<Encoding>) -> Option<&'static str> {
    Some(match encoding {
        None => "$signature",
        Some(Encoding::Hex | Encoding::HexUpper) => {
            "ctype_xdigit($signature) && strlen($signature) % 2 === 0 ? hex2bin($signature) : false"
        }
        Some(Encoding::Base64) => "base64_decode($signature, true)",
        Some(Encoding::Base64url) => "base64_decode(strtr($signature, '-_', '+/'), true)",
        Some(Encoding::Base64OfHex) => "@hex2bin((string) base64_decode($signature, true))",
        Some(Encoding::Base64Escaped) => return None,
    })
}

fn hash(hash: Hash) -> &'static str {
    (node::LANGUAGE.hash)(hash)
}

fn imports(_: &Model) -> Vec<&'static str> {
    Vec::new()
}
