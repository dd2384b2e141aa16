//! Tests of the verification code: coverage of schemes and escapes of texts.

use serde_json::{Value, json};

use super::*;

/// Returns a scheme of HMAC over the body in hexadecimal, with fields replaced.
fn scheme(fields: Value) -> Scheme {
    let mut digest = json!({ "signature": ["header:X-Signature"], "content": "{body}", "algorithm": "hmac-sha256" });
    digest.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    serde_json::from_value(json!({ "digest": digest })).expect("a scheme")
}

/// Returns the languages without a sample for the scheme.
fn lacking(fields: Value) -> Vec<&'static str> {
    let samples = samples("Acme", &scheme(fields));
    let has = |id: &str| samples.iter().any(|sample| sample.language == id);
    language::LANGUAGES.iter().map(|language| language.id).filter(|id| !has(id)).collect()
}

fn code(language: &str, fields: Value) -> String {
    let samples = samples("Acme", &scheme(fields));
    samples.into_iter().find(|sample| sample.language == language).expect("a sample").code
}

const ALL: [&str; 7] = ["node", "python", "php", "go", "ruby", "java", "rust"];

#[test]
fn writes_samples_for_most_shipped_schemes() {
    let (catalog, _) = hookbench_provider::Catalog::load([]);
    let (mut written, mut schemes) = (0, 0);
    for provider in catalog.providers() {
        for record in &provider.schemes {
            let Scheme::Digest(digest) = &record.scheme else { continue };
            if digest.algorithm.is_symmetric() {
                schemes += 1;
                written += usize::from(!samples(&provider.name, &record.scheme).is_empty());
            }
        }
    }
    assert!(written * 100 >= schemes * 90, "{written} of {schemes}");
}

/// A failing template would only omit a sample, so this test renders every combination.
#[test]
fn renders_every_part_in_every_language() {
    let algorithms = ["hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512", "hash-sha1", "hash-sha256"];
    for algorithm in algorithms.iter().chain(&["token", "ed25519", "rsa-sha256", "rsa-sha512", "ecdsa-sha256"]) {
        for key in ["text", "base64", "prefixed", "hex", "spki", "pem"] {
            for encoding in ["hex", "hex-upper", "base64", "base64url"] {
                let fields = json!({ "algorithm": algorithm, "key": key, "encoding": encoding });
                assert_eq!(lacking(fields), [""; 0], "{algorithm} {key} {encoding}");
            }
        }
    }
    for unit in ["s", "ms", "iso", "raw"] {
        for from in ["header:X-Time", "header:X-Time|Y-Time", "signature:t", "signature:1"] {
            for split in ["", ",", " ;"] {
                let timestamp = json!({ "from": from, "unit": unit, "past_s": 300, "future_s": 60 });
                let content = "a.{header:X-A|X-B}{signature:t}{url}{path}{method}{secret}{param:app}{sha256hex(body)}{base64(secret)}";
                let fields = json!({ "timestamp": timestamp, "content": content, "split": split, "prefix": "v1=" });
                assert_eq!(lacking(fields), [""; 0], "{unit} {from} {split:?}");
            }
        }
    }
}

#[test]
fn omits_languages_without_a_part() {
    assert_eq!(lacking(json!({ "content": "{json:a.b}" })), ["java"]);
    assert_eq!(lacking(json!({ "content": "{json:a[].b}" })), ["go", "java"]);
    assert_eq!(lacking(json!({ "encoding": "base64-of-hex" })), ["go"]);
    for fields in [
        json!({ "encoding": "base64-escaped" }),
        json!({ "key": "nfkd" }),
        json!({ "algorithm": "rsa-pss-sha512" }),
        json!({ "content": "{query:a}" }),
        json!({ "signature": ["signature:v1"] }),
    ] {
        assert_eq!(lacking(fields.clone()), ALL, "{fields}");
    }
}

#[test]
fn escapes_texts_of_a_scheme() {
    let fields = json!({ "content": "a\"b\\c\nd'{body}", "prefix": "\"\\=" });
    for (language, text, prefix) in [
        ("node", r#"Buffer.from("a\"b\\c\nd'")"#, r#"startsWith("\"\\=")"#),
        ("python", r#"b"a\"b\\c\nd'""#, r#"startswith("\"\\=")"#),
        ("php", r#"$content = "a\"b\\c\nd'" . $body"#, r#"str_starts_with($value, "\"\\=")"#),
        ("go", r#"[]byte("a\"b\\c\nd'")"#, r#"strings.HasPrefix(value, "\"\\=")"#),
        ("ruby", r#"["a\"b\\c\nd'", body]"#, r#"start_with?("\"\\=")"#),
        ("java", r#"bytes("a\"b\\c\nd'")"#, r#"startsWith("\"\\=")"#),
        ("rust", r#""a\"b\\c\nd'".as_bytes()"#, r#"strip_prefix("\"\\=")"#),
    ] {
        let code = code(language, fields.clone());
        assert!(code.contains(text) && code.contains(prefix), "{code}");
    }
    let fields = json!({ "content": "${x}#{y}{body}".replace("{x}", "{{x}}").replace("{y}", "{{y}}") });
    assert!(code("php", fields.clone()).contains(r##""\${x}#{y}""##));
    assert!(code("ruby", fields.clone()).contains(r##""${x}\#{y}""##));
    assert_eq!(lacking(fields), [""; 0]);
    assert_eq!(lacking(json!({ "prefix": "é" })), ALL);
}

#[test]
fn escapes_separators_in_regular_expressions() {
    let fields = json!({ "split": ", ;-]^\\/'\"\n$#" });
    let class = r"[, ;\x2d\x5d\x5e\x5c\x2f\x27\x22\x0a\x24\x23]";
    for (language, expected) in [
        ("node", format!("value.split(/{class}/)")),
        ("python", format!("re.split(r\"{class}\", value)")),
        ("php", format!("preg_split('/{class}/', $value)")),
        ("ruby", format!("value.split(/{class}/)")),
        ("java", format!("value.split(\"{}\")", class.replace('\\', r"\\"))),
        ("go", r##"strings.ContainsRune(", ;-]^\\/'\"\n$#", r)"##.to_owned()),
        ("rust", r##"", ;-]^\\/'\"\n$#".contains(c)"##.to_owned()),
    ] {
        let code = code(language, fields.clone());
        assert!(code.contains(&expected), "{expected} in {code}");
    }
}

#[test]
fn escapes_steps_of_a_json_pointer() {
    let code = code("rust", json!({ "content": "{json:a/b~c.d}" }));
    assert!(code.contains(r#"json.pointer("/a~1b~0c/d")"#), "{code}");
}

#[test]
fn escapes_vendor_names_in_comments() {
    for sample in samples("A*/?>\"\"\"\n\u{2028}evil()", &scheme(json!({}))) {
        assert!(sample.code.contains("A* /? >'''  evil()"), "{}", sample.code);
    }
}
