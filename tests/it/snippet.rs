//! Runs every generated verification snippet in its language, against valid and tampered requests.

use std::{collections::HashMap, fmt::Write as _, fs, path::Path, process::Command, sync::OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookbench_engine::{catalog, debugger};

use crate::json::{Json, json};

const SECRET: &str = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7abcdef0123";
const OTHER: &str = "0123abcdef5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7";
const URL: &str = "https://example.com/hook?a=1";
const NOW: i64 = 1_800_000_000;
const BODY: &str = r#"{"type":"a","payloadId":"p","webhookTimestamp":1800000000000,"name":"Zoë"}"#;

/// The snippets of one signature scheme and their test cases.
struct Sample {
    /// Ids of provider and scheme, joined with `_`.
    name: String,
    codes: HashMap<String, String>,
    cases: Vec<Case>,
}

struct Case {
    what: &'static str,
    headers: HashMap<String, String>,
    body: String,
    secret: String,
    now: i64,
    valid: bool,
}

/// Two pairs of private and public key in PEM.
type Pairs = [(String, String); 2];

/// Returns RSA and P-256 key pairs, generated once.
fn key_pairs() -> &'static (Pairs, Pairs) {
    static PAIRS: OnceLock<(Pairs, Pairs)> = OnceLock::new();
    let pair = |algorithm: &str, option: &str| {
        let dir = tempfile::tempdir().unwrap();
        let openssl = |arguments: &[&str]| {
            let output = Command::new("openssl").args(arguments).current_dir(&dir).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let private = openssl(&["genpkey", "-algorithm", algorithm, "-pkeyopt", option]);
        fs::write(dir.path().join("key.pem"), &private).unwrap();
        (private, openssl(&["pkey", "-in", "key.pem", "-pubout"]))
    };
    PAIRS.get_or_init(|| {
        let rsa = || pair("RSA", "rsa_keygen_bits:2048");
        let ecdsa = || pair("EC", "ec_paramgen_curve:P-256");
        ([rsa(), rsa()], [ecdsa(), ecdsa()])
    })
}

/// Returns the signing secret, the matching verification secret, and another verification secret.
fn secrets(scheme: &Json) -> (String, String, String) {
    let digest = |key| scheme.get("digest").and_then(|digest| digest.get(key)).and_then(|value| value.as_str());
    let algorithm = digest("algorithm").unwrap_or_default();
    if algorithm.starts_with("rsa") || algorithm.starts_with("ecdsa") {
        let (rsa, ecdsa) = key_pairs();
        let [one, other] = if algorithm.starts_with("rsa") { rsa } else { ecdsa };
        return (one.0.clone(), one.1.clone(), other.1.clone());
    }
    if algorithm != "ed25519" {
        return (SECRET.into(), SECRET.into(), OTHER.into());
    }
    let write = |prefix: &str, bytes: [u8; 32]| match digest("key") {
        Some("hex") => hex::encode(bytes),
        Some("prefixed") => format!("{prefix}{}", STANDARD.encode(bytes)),
        _ => STANDARD.encode(bytes),
    };
    let public = |seed| ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    (write("whsk_", [7; 32]), write("whpk_", public([7; 32])), write("whpk_", public([8; 32])))
}

fn samples() -> Vec<Sample> {
    let (catalog, _) = catalog(Path::new("/nowhere"));
    let mut samples = Vec::new();
    for provider in catalog.providers() {
        for record in &provider.schemes {
            let all = hookbench_engine::samples(&provider.name, &record.scheme);
            let params: HashMap<String, String> =
                record.scheme.params().into_iter().map(|name| (name, "setting".to_owned())).collect();
            let (signing, secret, other) = secrets(&serde_json::to_value(&record.scheme).unwrap().into());
            let question = json!({ "provider": provider.id, "scheme": record.id, "secret": signing, "params": params,
                "url": URL, "now": NOW, "request": STANDARD.encode(format!("POST /hook?a=1 HTTP/1.1\r\nHost: example.com\r\n\r\n{BODY}")) });
            let question = question.to();
            let Ok(signed) = debugger::sign(&catalog, &question, 0) else { continue };
            if all.is_empty() || !signed.outside_headers.is_empty() {
                continue;
            }
            let headers: HashMap<String, String> =
                signed.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
            let case = |what, valid| Case {
                what,
                headers: headers.clone(),
                body: BODY.into(),
                secret: secret.clone(),
                now: NOW,
                valid,
            };
            let mut cases = vec![
                case("valid", true),
                Case { secret: other.clone(), ..case("another secret", false) },
                Case { headers: HashMap::new(), ..case("no signature", false) },
                Case {
                    headers: headers.keys().map(|name| (name.clone(), "garbage, v1=zz;=".into())).collect(),
                    ..case("garbage", false)
                },
            ];
            if record.scheme.signs_body() {
                cases.push(Case { body: BODY.replace("\"a\"", "\"b\""), ..case("changed body", false) });
            }
            // The signature is verified two years later, outside of the tolerance of the vendor.
            if all[0].code.contains("now - signedAt") {
                cases.push(Case { now: NOW + 63_072_000, ..case("expired", false) });
            }
            let name = format!("{}_{}", provider.id, record.id).replace('-', "_");
            let codes = all.into_iter().map(|snippet| (snippet.language, snippet.code)).collect();
            samples.push(Sample { name, codes, cases });
        }
    }
    assert!(samples.len() > 130, "{}", samples.len());
    assert!(samples.iter().any(|sample| sample.name.starts_with("discord")), "no snippets for Ed25519");
    assert!(samples.iter().any(|sample| sample.name.starts_with("wise")), "no snippets for RSA");
    assert!(samples.iter().any(|sample| sample.name.starts_with("sendgrid")), "no snippets for ECDSA");
    samples
}

/// Runs a driver and returns its lines: `name<TAB>what<TAB>true|false`.
fn statuses(command: &mut Command) -> HashMap<(String, String), bool> {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_else(|| panic!("{line:?}")).to_owned();
            ((next(), next()), next() == "true")
        })
        .collect()
}

/// Asserts that every snippet of a language returns the expected result for every case.
fn assess(language: &str, samples: &[Sample], found: &HashMap<(String, String), bool>) {
    let (mut wrong, mut verified) = (Vec::new(), 0);
    for sample in samples.iter().filter(|sample| sample.codes.contains_key(language)) {
        for case in &sample.cases {
            verified += 1;
            match found.get(&(sample.name.clone(), case.what.to_owned())) {
                Some(output) if *output == case.valid => {}
                output => wrong.push(format!("{} {}: {output:?}", sample.name, case.what)),
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{language}");
    assert!(verified > 400, "{language}: {verified}");
}

/// Writes each snippet to a file and the cases to `cases.json`.
fn write(
    language: &str,
    samples: &[Sample],
    dir: &Path,
    file: impl Fn(&str) -> String,
    code: impl Fn(&Sample, &str) -> String,
) {
    let mut all = Vec::new();
    for sample in samples {
        let Some(text) = sample.codes.get(language) else { continue };
        let path = dir.join(file(&sample.name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, code(sample, text)).unwrap();
        for case in &sample.cases {
            all.push(json!({ "name": sample.name, "file": path, "what": case.what, "headers": case.headers,
                "body": case.body, "secret": case.secret, "now": case.now, "url": URL, "path": "/hook?a=1",
                "method": "POST", "params": arguments(text, "params").then(|| every_param(text)) }));
        }
    }
    fs::write(dir.join("cases.json"), Json::from(all).to_string()).unwrap();
}

/// Returns true if the function signature in a snippet contains this argument.
fn arguments(code: &str, name: &str) -> bool {
    let line = code.lines().find(|line| line.contains("verify(") || line.contains("Verify(")).unwrap_or_default();
    line.split(|c: char| !c.is_alphanumeric()).any(|word| word == name)
}

fn every_param(code: &str) -> HashMap<String, String> {
    let names = code.split(['"', '\'']).filter(|text| text.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
    names.map(|name| (name.to_owned(), "setting".to_owned())).collect()
}

#[test]
fn node_snippets_verify() {
    let (samples, dir) = (samples(), tempfile::tempdir().unwrap());
    write("node", &samples, dir.path(), |name| format!("{name}.mjs"), |_, text| text.to_owned());
    let driver = r#"
import { readFileSync } from "node:fs";
for (const { name, what, file, body, now, params, ...rest } of JSON.parse(readFileSync("cases.json"))) {
  const { verify } = await import(file);
  console.log([name, what, verify({ ...rest, params: params ?? {}, body: Buffer.from(body), now: now * 1000 })].join("\t"));
}"#;
    fs::write(dir.path().join("driver.mjs"), driver).unwrap();
    assess("node", &samples, &statuses(Command::new("node").arg("driver.mjs").current_dir(&dir)));
}

#[test]
fn python_snippets_verify() {
    let (samples, dir) = (samples(), tempfile::tempdir().unwrap());
    write("python", &samples, dir.path(), |name| format!("{name}.py"), |_, text| text.to_owned());
    let driver = r#"
import importlib, inspect, json
for case in json.load(open("cases.json", encoding="utf-8")):
    verify = importlib.import_module(case["name"]).verify
    case["body"] = case["body"].encode()
    wanted = {name: case[name] for name in inspect.signature(verify).parameters}
    print(case["name"], case["what"], str(verify(**wanted)).lower(), sep="\t")
"#;
    fs::write(dir.path().join("driver.py"), driver).unwrap();
    assess("python", &samples, &statuses(Command::new("python3").arg("driver.py").current_dir(&dir)));
}

#[test]
fn php_snippets_verify() {
    let (samples, dir) = (samples(), tempfile::tempdir().unwrap());
    let space = |sample: &Sample, text: &str| {
        text.replacen("<?php", &format!("<?php\nnamespace s_{};\n", sample.name), 1)
            .replace("new DateTimeZone", "new \\DateTimeZone")
    };
    write("php", &samples, dir.path(), |name| format!("{name}.php"), space);
    let driver = r#"<?php
foreach (json_decode(file_get_contents('cases.json'), true) as $case) {
    require_once $case['file'];
    $verify = new ReflectionFunction("s_{$case['name']}\\verify");
    $arguments = array_map(fn ($parameter) => $case[$parameter->getName()], $verify->getParameters());
    echo $case['name'], "\t", $case['what'], "\t", $verify->invoke(...$arguments) ? 'true' : 'false', "\n";
}"#;
    fs::write(dir.path().join("driver.php"), driver).unwrap();
    assess("php", &samples, &statuses(Command::new("php").arg("driver.php").current_dir(&dir)));
}

#[test]
fn ruby_snippets_verify() {
    let (samples, dir) = (samples(), tempfile::tempdir().unwrap());
    write("ruby", &samples, dir.path(), |name| format!("{name}.rb"), |_, text| text.to_owned());
    let driver = r#"
require "json"
spaces = Hash.new { |all, file| all[file] = Class.new.tap { |space| space.class_eval(File.read(file)) }.new }
JSON.parse(File.read("cases.json", encoding: "utf-8")).each do |one|
  verify = spaces[one["file"]].method(:verify)
  wanted = verify.parameters.to_h { |_, name| [name, one[name.to_s]] }
  puts [one["name"], one["what"], verify.call(**wanted)].join("\t")
end
"#;
    fs::write(dir.path().join("driver.rb"), driver).unwrap();
    assess("ruby", &samples, &statuses(Command::new("ruby").arg("driver.rb").current_dir(&dir)));
}

/// Returns a text as a string literal that is valid in Go, Java and Rust.
fn literal(text: &str) -> String {
    Json::from(text).to_string()
}

fn cases<'s>(language: &'s str, samples: &'s [Sample]) -> impl Iterator<Item = (&'s Sample, &'s String, &'s Case)> {
    let of_one = |sample: &'s Sample| sample.codes.get(language).map(|code| (sample, code));
    samples
        .iter()
        .filter_map(of_one)
        .flat_map(|(sample, code)| sample.cases.iter().map(move |case| (sample, code, case)))
}

/// Returns the arguments after headers, body and secret, in the order of the function signature.
fn rest(code: &str, params: &str, now: String) -> String {
    let all = [
        ("url", literal(URL)),
        ("path", literal("/hook?a=1")),
        ("method", literal("POST")),
        ("params", params.to_owned()),
        ("now", now),
    ];
    let wanted = all.into_iter().filter(|(name, _)| arguments(code, name) || (*name == "now" && arguments(code, "ms")));
    wanted.map(|(_, value)| format!(", {value}")).collect()
}

#[test]
fn go_snippets_verify() {
    let (samples, dir) = (samples(), tempfile::tempdir().unwrap());
    write(
        "go",
        &samples,
        dir.path(),
        |name| format!("{name}/verify.go"),
        |sample, text| text.replacen("package main", &format!("package {}", sample.name), 1),
    );
    fs::write(dir.path().join("go.mod"), "module snippets\n\ngo 1.19\n").unwrap();
    let mut driver = "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n\t\"time\"\n".to_owned();
    for sample in samples.iter().filter(|sample| sample.codes.contains_key("go")) {
        writeln!(driver, "\t\"snippets/{}\"", sample.name).unwrap();
    }
    driver.push_str(")\n\nfunc headers(pairs ...string) http.Header {\n\tall := http.Header{}\n\tfor at := 0; at < len(pairs); at += 2 {\n\t\tall.Set(pairs[at], pairs[at+1])\n\t}\n\treturn all\n}\n\nfunc main() {\n\t_ = time.Now\n");
    for (sample, code, case) in cases("go", &samples) {
        let headers: Vec<String> =
            case.headers.iter().flat_map(|(name, value)| [literal(name), literal(value)]).collect();
        let params: Vec<String> =
            every_param(code).keys().map(|name| format!("{}: \"setting\"", literal(name))).collect();
        let rest =
            rest(code, &format!("map[string]string{{{}}}", params.join(", ")), format!("time.Unix({}, 0)", case.now));
        writeln!(
            driver,
            "\tfmt.Printf(\"{}\\t{}\\t%v\\n\", {}.Verify(headers({}), []byte({}), {}{rest}))",
            sample.name,
            case.what,
            sample.name,
            headers.join(", "),
            literal(&case.body),
            literal(&case.secret)
        )
        .unwrap();
    }
    driver.push_str("}\n");
    fs::write(dir.path().join("main.go"), driver).unwrap();
    let mut command = Command::new("go");
    command.args(["run", "."]).current_dir(&dir).env("GOFLAGS", "-mod=mod").env("GOPROXY", "off");
    assess("go", &samples, &statuses(&mut command));
}

#[test]
fn java_snippets_verify() {
    let (samples, dir) = (samples(), tempfile::tempdir().unwrap());
    write(
        "java",
        &samples,
        dir.path(),
        |name| format!("s_{name}/Webhook.java"),
        |sample, text| format!("package s_{};\n{text}", sample.name),
    );
    let mut driver = "import java.time.Instant;\nimport java.util.HashMap;\nimport java.util.Map;\n\npublic final class Main {\n  static byte[] bytes(String text) { return text.getBytes(java.nio.charset.StandardCharsets.UTF_8); }\n  static Map<String, String> map(String... pairs) {\n    Map<String, String> all = new HashMap<>();\n    for (int at = 0; at < pairs.length; at += 2) all.put(pairs[at], pairs[at + 1]);\n    return all;\n  }\n  static void say(String name, String what, boolean valid) { System.out.println(name + \"\\t\" + what + \"\\t\" + valid); }\n".to_owned();
    let mut calls = String::new();
    for (number, (sample, code, case)) in cases("java", &samples).enumerate() {
        let map = |pairs: &HashMap<String, String>| {
            let pairs: Vec<String> = pairs.iter().flat_map(|(name, value)| [literal(name), literal(value)]).collect();
            format!("map({})", pairs.join(", "))
        };
        let rest = rest(code, &map(&every_param(code)), format!("Instant.ofEpochSecond({}L)", case.now));
        // Each call is a separate method, because the JVM limits the size of a method to 64 KiB.
        writeln!(
            driver,
            "  static void c{number}() {{ say({}, {}, s_{}.Webhook.verify({}, bytes({}), {}{rest})); }}",
            literal(&sample.name),
            literal(case.what),
            sample.name,
            map(&case.headers),
            literal(&case.body),
            literal(&case.secret)
        )
        .unwrap();
        writeln!(calls, "    c{number}();").unwrap();
    }
    writeln!(driver, "  public static void main(String[] arguments) {{\n{calls}  }}\n}}").unwrap();
    fs::write(dir.path().join("Main.java"), driver).unwrap();
    let compiled = Command::new("javac").args(["-encoding", "UTF-8", "Main.java"]).current_dir(&dir).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    assess("java", &samples, &statuses(Command::new("java").args(["-cp", ".", "Main"]).current_dir(&dir)));
}

/// Uses the locked crates of this workspace, so the build works offline.
#[test]
fn rust_snippets_verify() {
    let (samples, dir) = (samples(), tempfile::tempdir().unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    write("rust", &samples, dir.path(), |name| format!("src/{name}.rs"), |_, text| text.to_owned());
    let manifest = "[package]\nname = \"snippets\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\nbase64 = \"0.22\"\ned25519-dalek = { version = \"3\", default-features = false, features = [\"alloc\"] }\nhex = \"0.4\"\nhmac = \"0.13\"\njiff = \"0.2\"\np256 = { version = \"0.14\", features = [\"ecdsa\", \"pkcs8\"] }\nrsa = { version = \"0.9\", features = [\"sha2\"] }\nmd-5 = \"0.11\"\nserde_json = \"1\"\nsha1 = \"0.11\"\nsha2 = \"0.11\"\nsubtle = \"2\"\n";
    fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), dir.path().join("Cargo.lock")).unwrap();
    let mut driver = "use std::collections::HashMap;\n\n".to_owned();
    for sample in samples.iter().filter(|sample| sample.codes.contains_key("rust")) {
        writeln!(driver, "mod {};", sample.name).unwrap();
    }
    driver.push_str("\nfn map(pairs: &[(&str, &str)]) -> HashMap<String, String> {\n    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()\n}\n\nfn main() {\n");
    for (sample, code, case) in cases("rust", &samples) {
        let map = |pairs: &HashMap<String, String>| {
            let pairs: Vec<String> =
                pairs.iter().map(|(name, value)| format!("({}, {})", literal(name), literal(value))).collect();
            format!("&map(&[{}])", pairs.join(", "))
        };
        let rest = rest(code, &map(&every_param(code)), format!("{}", case.now * 1_000));
        writeln!(
            driver,
            "    println!(\"{}\\t{}\\t{{}}\", {}::verify({}, {}.as_bytes(), {}{rest}));",
            sample.name,
            case.what,
            sample.name,
            map(&case.headers),
            literal(&case.body),
            literal(&case.secret)
        )
        .unwrap();
    }
    driver.push_str("}\n");
    fs::write(dir.path().join("src/main.rs"), driver).unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--offline"]).current_dir(&dir);
    command.env("CARGO_TARGET_DIR", root.join("target/snippets"));
    assess("rust", &samples, &statuses(&mut command));
}
