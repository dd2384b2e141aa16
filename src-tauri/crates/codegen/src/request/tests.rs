//! Tests of the code of requests: fixed outputs, and hostile texts run in each language.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    time::Duration,
};

use super::*;

const BLOCK: &[u8] = b"Host: x\r\nContent-Type: application/json\r\nAccept: */*\r\nUser-Agent: t\r\nContent-Length: 9\r\nAuthorization: Bearer s\r\n";

/// Returns the headers of a header block.
fn lines(block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    block.split(|byte| *byte == b'\n').filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b':')?;
        Some((&line[..at], line[at + 1..].trim_ascii()))
    })
}

fn written(form: CodeFormat, block: &[u8], body: &[u8], reveal: bool) -> String {
    let message = CodeRequest::new("http://127.0.0.1:4665", ("POST", "/shop?a=1"), lines(block), body, reveal, false);
    form.write(&message).expect("the format supports the request")
}

#[test]
fn writes_a_json_webhook_in_each_format() {
    assert_eq!(
        written(CodeFormat::Curl, BLOCK, b"{\"a\":'1'}", false),
        r#"# Masked, so the code differs from the original: Authorization.
curl --globoff --path-as-is 'http://127.0.0.1:4665/shop?a=1' \
  -H 'Content-Type: application/json' \
  -H 'Accept: */*' \
  -H 'User-Agent: t' \
  -H 'Authorization: ••••••••' \
  --data-raw '{"a":'\''1'\''}' \
  -H 'Expect:'
"#
    );
    assert_eq!(
        written(CodeFormat::Httpie, BLOCK, b"{\"a\":'1'}", true),
        r#"# HTTPie adds headers that the original request lacks: Accept-Encoding.
http --ignore-stdin --path-as-is \
  --raw='{"a":'\''1'\''}' \
  POST 'http://127.0.0.1:4665/shop?a=1' \
  Content-Type:application/json \
  'Accept:*/*' \
  User-Agent:t \
  'Authorization:Bearer s' \
  Connection:
"#
    );
    assert_eq!(
        written(CodeFormat::Fetch, BLOCK, b"{\"a\":'1'}", true),
        r#"// fetch adds headers that the original request lacks: Accept-Language, Accept-Encoding, Sec-Fetch-Mode.
const response = await fetch('http://127.0.0.1:4665/shop?a=1', {
  method: 'POST',
  headers: {
    'Content-Type': 'application/json',
    'Accept': '*/*',
    'User-Agent': 't',
    'Authorization': 'Bearer s',
  },
  body: '{"a":\'1\'}',
  redirect: 'manual',
});
console.log(response.status, await response.text());
"#
    );
    assert_eq!(
        written(CodeFormat::Python, BLOCK, b"{\"a\":'1'}", true),
        r#"import requests
from urllib3.util import SKIP_HEADER

response = requests.request(
    'POST',
    'http://127.0.0.1:4665/shop?a=1',
    headers={
        'Content-Type': 'application/json',
        'Accept': '*/*',
        'User-Agent': 't',
        'Authorization': 'Bearer s',
        'Connection': None,
        'Accept-Encoding': SKIP_HEADER,
    },
    data=b'{"a":\'1\'}',
    allow_redirects=False,
)
print(response.status_code, response.text)
"#
    );
    assert_eq!(
        written(CodeFormat::Go, BLOCK, b"{\"a\":'1'}", true),
        r#"package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
)

func main() {
	request, err := http.NewRequest("POST", "http://127.0.0.1:4665/shop?a=1", strings.NewReader(`{"a":'1'}`))
	if err != nil {
		log.Fatal(err)
	}
	request.Header["Content-Type"] = []string{"application/json"}
	request.Header["Accept"] = []string{"*/*"}
	request.Header["User-Agent"] = []string{"t"}
	request.Header["Authorization"] = []string{"Bearer s"}
	client := http.Client{
		Transport: &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(content), err)
}
"#
    );
}

/// PowerShell is not installed in the test environment, so this test compares the text.
#[test]
fn writes_powershell_as_documented() {
    assert_eq!(
        written(CodeFormat::Powershell, BLOCK, "{\"a\":'it’s'}".as_bytes(), true),
        r#"$headers = @{
    'Accept' = '*/*'
    'User-Agent' = 't'
    'Authorization' = 'Bearer s'
}
$body = [System.Text.Encoding]::UTF8.GetBytes('{"a":''it’’s''}')
Invoke-WebRequest 'http://127.0.0.1:4665/shop?a=1' `
    -CustomMethod 'POST' -Headers $headers -SkipHeaderValidation `
    -ContentType 'application/json' -Body $body `
    -MaximumRedirection 0 -SkipHttpErrorCheck
"#
    );
    assert_eq!(
        written(CodeFormat::Powershell, b"X-A: 1\r\nx-a: 2\r\nUser-Agent: t\r\n", b"\x00\xff", true),
        r#"# x-a was sent more than once; the code sends all values in one line.
$headers = @{
    'X-A' = '1, 2'
    'User-Agent' = 't'
}
$body = [System.Convert]::FromBase64String('AP8=')
Invoke-WebRequest 'http://127.0.0.1:4665/shop?a=1' `
    -CustomMethod 'POST' -Headers $headers -SkipHeaderValidation -Body $body `
    -MaximumRedirection 0 -SkipHttpErrorCheck
"#
    );
}

#[test]
fn pipes_bytes_that_a_shell_word_cannot_hold() {
    let message = CodeRequest::new("http://h", ("PUT", "/x"), [], b"\x00\xff", false, false);
    let command = CodeFormat::Curl.write(&message).expect("works");
    assert!(command.starts_with("printf %s AP8= | base64 -d | curl --globoff"), "{command}");
    assert!(command.contains("-X PUT") && command.contains("--data-binary @-"), "{command}");
}

#[test]
fn reports_what_a_format_cannot_send() {
    for (form, method, body) in [
        (CodeFormat::Httpie, "M-SEARCH", &b""[..]),
        (CodeFormat::Fetch, "GET", b"x"),
        (CodeFormat::Fetch, "TRACE", b""),
        (CodeFormat::Fetch, "head", b"x"),
    ] {
        let message = CodeRequest::new("http://h", (method, "/x"), [], body, false, false);
        assert!(form.write(&message).is_err(), "{form:?} {method}");
    }
    for (form, target, note) in [
        (CodeFormat::Httpie, "/x?a=%7e", true),
        (CodeFormat::Httpie, "/a/../%7e", false),
        (CodeFormat::Python, "/a/../b", true),
        (CodeFormat::Python, "/a?b=%2F&c=d%20e", false),
        (CodeFormat::Fetch, "/a/../b", true),
        (CodeFormat::Fetch, "/a/%7e?x=[1]", false),
        (CodeFormat::Fetch, "/a?x='", true),
        (CodeFormat::Go, "/a/../b\"?x=%zz", false),
    ] {
        let message = CodeRequest::new("http://h:80", ("POST", target), [], b"", false, false);
        assert_eq!(form.write(&message).expect("works").contains("normalizes"), note, "{form:?} {target}");
    }
}

#[test]
fn keeps_a_header_name_in_its_comment() {
    for form in [CodeFormat::Fetch, CodeFormat::Python, CodeFormat::Powershell] {
        let code = written(form, "a\u{2028}b: 1\r\nA\u{2028}B: 2\r\n".as_bytes(), b"", true);
        let note = code.lines().find(|line| line.contains("was sent more than once")).expect("a note");
        assert!(note.contains("A B") && !note.contains('\u{2028}'), "{code}");
    }
}

#[test]
fn sends_an_absolute_target_to_the_base_url() {
    assert_eq!(path_of("http://evil.example/shop?x"), "/shop?x");
    assert_eq!(path_of("http://evil.example"), "/");
    assert_eq!(path_of("/shop?next=http://evil.example/x"), "/shop?next=http://evil.example/x");
    assert_eq!(path_of("*"), "/");
    assert_eq!(path_of("/a//b/../c"), "/a//b/../c");
}

/// Target with special characters of languages, shells and templates.
const TARGET: &str = "/a'b\"c\\n\\${d}#{e}`f`?q=%s&é=’";
const NAME: &str = "X-'`$#{}é";
const SECRET: &str = "Bearer '\"\\n\\${x}#{y}`z` $(id) é’";
const BODY: &str = "{\"a\": '\\n\\${x}#{y}`z` $(id)'}\n\té’\u{202e}";

fn hostile(form: CodeFormat, base: &str, name: &str) -> String {
    let headers = [("Content-Type", "text/plain"), (name, "1"), ("Authorization", SECRET)];
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let message = CodeRequest::new(base, ("POST", TARGET), headers, BODY.as_bytes(), true, false);
    form.write(&message).expect("the format supports the request")
}

/// Runs code in a folder with stubs of the clients, and returns their output, which is their input.
fn given(form: CodeFormat, file: &str, command: &[&str], stand_ins: &[(&str, &str)], before: &str) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in stand_ins {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a file");
    }
    fs::write(dir.path().join(file), format!("{before}{}", hostile(form, "http://h", NAME))).expect("a file");
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new(command[0])
        .args(&command[1..])
        .arg(file)
        .current_dir(&dir)
        .env("PATH", path)
        .output()
        .expect("the language is installed");
    assert!(output.status.success(), "{form:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn shell_passes_exact_texts_to_its_client() {
    let stand_in = "#!/bin/sh\nprintf '%s\\0' \"$@\"\n";
    for (form, client, colon, data) in
        [(CodeFormat::Curl, "curl", ": ", ""), (CodeFormat::Httpie, "http", ":", "--raw=")]
    {
        let given = given(form, "a.sh", &["sh"], &[(client, stand_in)], "");
        let words: Vec<&str> = given.split('\0').collect();
        for word in [
            format!("http://h{TARGET}"),
            format!("{NAME}{colon}1"),
            format!("Authorization{colon}{SECRET}"),
            format!("{data}{BODY}"),
        ] {
            assert!(words.contains(&word.as_str()), "{form:?}: {word:?} in {words:?}");
        }
    }
}

#[test]
fn script_passes_exact_texts_to_its_client() {
    let fetch = "globalThis.fetch = async (url, { method, headers, body }) => {\n  console.log(JSON.stringify({ method, url, headers, body }));\n  return { status: 200, text: async () => '' };\n};\n";
    let requests = "import json\n\nclass response:\n    status_code, text = 200, ''\n\ndef request(method, url, headers, data, allow_redirects):\n    text = lambda value: value.decode() if isinstance(value, bytes) else value\n    headers = {name: text(value) for name, value in headers.items()}\n    print(json.dumps({'method': method, 'url': url, 'headers': headers, 'body': data.decode()}))\n    return response\n";
    let urllib3 = [("requests.py", requests), ("urllib3/__init__.py", ""), ("urllib3/util.py", "SKIP_HEADER = ''\n")];
    // `fetch` sends a header as bytes, one per character.
    let latin1: String = SECRET.bytes().map(char::from).collect();
    for (given, secret) in [
        (given(CodeFormat::Fetch, "a.mjs", &["node"], &[], fetch), latin1.as_str()),
        (given(CodeFormat::Python, "a.py", &["/usr/bin/python3"], &urllib3, ""), SECRET),
    ] {
        let line = given.lines().next().expect("a line");
        let given: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(given["url"], format!("http://h{TARGET}"));
        assert_eq!(given["headers"][NAME], "1");
        assert_eq!(given["headers"]["Authorization"], secret);
        assert_eq!(given["body"], BODY);
    }
}

/// Go accepts only tokens as header names, so this name has no braces.
#[test]
fn go_program_sends_exact_texts() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("a.go"), hostile(CodeFormat::Go, &base, "x-'`$#")).expect("a file");
    let mut program = Command::new("go")
        .args(["run", "a.go"])
        .current_dir(&dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("Go is installed");
    listener.set_nonblocking(true).expect("a listener");
    let mut stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert_eq!(program.try_wait().expect("a program"), None, "the program ends without a request");
        std::thread::sleep(Duration::from_millis(10));
    };
    stream.set_nonblocking(false).expect("a connection");
    let mut request = Vec::new();
    while !request.ends_with(BODY.as_bytes()) {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).expect("a request");
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&request));
        request.extend_from_slice(&chunk[..read]);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").expect("a response");
    let output = program.wait_with_output().expect("the program ends");
    assert!(output.status.success());
    let request = String::from_utf8(request).expect("text");
    assert!(request.starts_with(&format!("POST {TARGET} HTTP/1.1\r\n")), "{request}");
    for line in ["x-'`$#: 1".to_owned(), format!("Authorization: {SECRET}")] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{request}");
    }
}
