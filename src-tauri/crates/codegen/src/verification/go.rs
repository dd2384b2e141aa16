//! Go, with nothing but its standard library.

use hookline_signature::{Encoding, KeyForm, Unit};

use super::{Hash, Kind, Language, Model, Piece, Time, Value, literal};

pub(crate) const LANGUAGE: Language = Language {
    id: "go",
    name: "Go",
    template: include_str!("templates/go.go"),
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
    let list = |names: &[String]| names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
    Some(match value {
        Value::Header(names) => format!("header({})", list(names)),
        Value::Item(name) => format!("fields[{}]", literal(name)),
        Value::Position(place) => format!("items[{place}]"),
        // A list's item would need a type of its own here.
        Value::Json(path) if path.iter().any(|step| step.parse::<usize>().is_ok()) => return None,
        Value::Json(path) => format!("field({})", list(path)),
        Value::Url => "url".into(),
        Value::Path => "path".into(),
        Value::Method => "method".into(),
        Value::Param(name) => format!("params[{}]", literal(name)),
        Value::Secret => "secret".into(),
    })
}

fn piece(piece: &Piece) -> Option<String> {
    Some(match piece {
        Piece::Text(text) => format!("[]byte({})", literal(text)),
        Piece::Body => "body".into(),
        Piece::BodySha256Hex => r#"[]byte(fmt.Sprintf("%x", sha256.Sum256(body)))"#.into(),
        Piece::SecretBase64 => "[]byte(base64.StdEncoding.EncodeToString([]byte(secret)))".into(),
        Piece::Value(found) => format!("[]byte({})", value(found)?),
    })
}

fn signed_at(time: &Time) -> Option<String> {
    let text = value(&time.value)?;
    Some(match time.unit {
        Unit::S => format!("seconds, err := strconv.ParseInt({text}, 10, 64)\n\t\tsignedAt := time.Unix(seconds, 0)"),
        Unit::Ms => format!("millis, err := strconv.ParseInt({text}, 10, 64)\n\t\tsignedAt := time.UnixMilli(millis)"),
        Unit::Iso => format!(
            "signedAt, err := time.Parse(time.RFC3339Nano, {text})\n\t\tif err != nil {{\n\t\t\tsignedAt, err = time.Parse(\"2006-01-02T15:04:05\", {text})\n\t\t}}"
        ),
        Unit::Raw => return None,
    })
}

fn key(form: KeyForm) -> Option<&'static str> {
    Some(match form {
        KeyForm::Text => "key, err := []byte(secret), error(nil)",
        KeyForm::Base64 => "key, err := base64.StdEncoding.DecodeString(secret)",
        KeyForm::Prefixed => {
            r#"key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimPrefix(secret, "whsec_"), "whpk_"))"#
        }
        KeyForm::Hex => "key, err := hex.DecodeString(secret)",
        KeyForm::Pem | KeyForm::Spki => {
            r#"der, err := base64.StdEncoding.DecodeString(regexp.MustCompile(`-----[^-]+-----|\s`).ReplaceAllString(secret, ""))"#
        }
        _ => return None,
    })
}

fn found(encoding: Option<Encoding>) -> Option<&'static str> {
    Some(match encoding {
        None => "found, err := []byte(signature), error(nil)",
        Some(Encoding::Hex | Encoding::HexUpper) => "found, err := hex.DecodeString(signature)",
        Some(Encoding::Base64) => "found, err := base64.StdEncoding.DecodeString(signature)",
        Some(Encoding::Base64url) => "found, err := base64.RawURLEncoding.DecodeString(signature)",
        // Rare enough to be left to the reader.
        Some(Encoding::Base64OfHex | Encoding::Base64Escaped) => return None,
    })
}

fn hash(hash: Hash) -> &'static str {
    match hash {
        Hash::Md5 => "md5.New",
        Hash::Sha1 => "sha1.New",
        Hash::Sha256 => "sha256.New",
        Hash::Sha384 => "sha512.New384",
        Hash::Sha512 => "sha512.New",
    }
}

fn imports(model: &Model) -> Vec<&'static str> {
    let hash = model.hash;
    let form = model.key_form().unwrap_or_default();
    let (rsa, ecdsa) = (model.kind == Kind::Rsa, model.kind == Kind::Ecdsa);
    let iso = model.time.as_ref().is_some_and(|time| time.unit == Unit::Iso);
    let body = model.pieces.contains(&Piece::BodySha256Hex);
    let all = [
        ("bytes", true),
        ("crypto", rsa),
        ("crypto/ecdsa", ecdsa),
        ("crypto/ed25519", model.kind == Kind::Ed25519),
        ("crypto/hmac", model.kind == Kind::Hmac),
        ("crypto/md5", hash == Some(Hash::Md5)),
        ("crypto/rsa", rsa),
        ("crypto/sha1", hash == Some(Hash::Sha1)),
        ("crypto/sha256", hash == Some(Hash::Sha256) || body),
        ("crypto/sha512", matches!(hash, Some(Hash::Sha384 | Hash::Sha512))),
        ("crypto/subtle", !model.is_public()),
        ("crypto/x509", rsa || ecdsa),
        (
            "encoding/base64",
            matches!(model.encoding, Some(Encoding::Base64 | Encoding::Base64url))
                || matches!(form, KeyForm::Base64 | KeyForm::Prefixed | KeyForm::Pem | KeyForm::Spki)
                || model.pieces.contains(&Piece::SecretBase64),
        ),
        ("encoding/hex", matches!(model.encoding, Some(Encoding::Hex | Encoding::HexUpper)) || form == KeyForm::Hex),
        ("encoding/json", model.has(|value| matches!(value, Value::Json(_)))),
        ("fmt", body),
        ("net/http", true),
        ("regexp", rsa || ecdsa),
        ("strconv", model.time.is_some() && !iso),
        ("strings", !model.split.is_empty() || !model.prefix.is_empty() || form == KeyForm::Prefixed),
        ("time", model.time.is_some()),
    ];
    all.iter().filter(|(_, used)| *used).map(|(name, _)| *name).collect()
}
