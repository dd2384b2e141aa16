//! End-to-end tests of handshakes: challenge responses and the secrets that vendors send during registration.

use base64::Engine as _;

use crate::{
    hookbench::Serve,
    json::{Json, json},
};

async fn inbox(serve: &Serve, name: &str, verification: Json) {
    let new = json!({ "name": name, "verification": verification });
    let response = serve.request(reqwest::Method::POST, "/inboxes").json(&new).send().await.unwrap();
    assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
}

async fn ask(serve: &Serve, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> reqwest::Response {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", serve.listener)).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn newest(serve: &Serve, inbox: &str) -> Json {
    let id = serve.all(inbox).await[0]["id"].as_str().unwrap().to_owned();
    serve.get(&format!("/requests/{id}")).await
}

#[tokio::test]
async fn responds_to_challenge_and_stores_response() {
    let serve = Serve::start();
    inbox(&serve, "slack", json!({ "provider": "slack", "secrets": ["5ec2e7"] })).await;
    let asked = r#"{"type":"url_verification","challenge":"3eZbrw1aB"}"#;
    let response = ask(&serve, "POST", "/slack", &[("Content-Type", "application/json")], asked).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/plain".parse().unwrap())
    );
    assert_eq!(response.text().await.unwrap(), "3eZbrw1aB");
    let kept = newest(&serve, "slack").await;
    assert_eq!((&kept["status"], &kept["response"]["body"]), (&json!(200), &json!("3eZbrw1aB")));
    assert_eq!(kept["response_origin"], "Slack: URL verification");

    // Other requests get the response of the inbox.
    let response = ask(&serve, "POST", "/slack", &[], r#"{"type":"event_callback"}"#).await;
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, ""));
    assert_eq!(newest(&serve, "slack").await["response_origin"], Json::NULL);

    // A request with a stored response can be deleted.
    for request in serve.all("slack").await {
        let path = format!("/requests/{}", request["id"].as_str().unwrap());
        assert!(serve.request(reqwest::Method::DELETE, &path).send().await.unwrap().status().is_success());
    }
}

#[tokio::test]
async fn responds_to_keyed_challenge_but_not_to_possible_events() {
    let serve = Serve::start();
    inbox(&serve, "x", json!({ "provider": "x-twitter", "secrets": ["5ec2e7"] })).await;
    let response = ask(&serve, "GET", "/x?crc_token=NGY4abc", &[], "").await;
    assert_eq!(
        response.text().await.unwrap(),
        r#"{"response_token":"sha256=MY6RlcazTxKiXZMltuUYsjC36F6kHzUx7VKKIdwOpjc="}"#
    );
    let response = ask(&serve, "GET", "/x?crc_token=%7B%22tweet%22%3A1%7D", &[], "").await;
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, ""));
    inbox(&serve, "meta", json!({ "provider": "meta", "params": { "verify_token": "mine" } })).await;
    for (token, status, body) in [("mine", 200, "115820"), ("other", 403, "")] {
        let path = format!("/meta?hub.mode=subscribe&hub.challenge=115820&hub.verify_token={token}");
        let response = ask(&serve, "GET", &path, &[], "").await;
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (status, body));
    }
}

#[tokio::test]
async fn response_depends_on_signature_if_vendor_requires_it() {
    let serve = Serve::start();
    inbox(&serve, "xero", json!({ "provider": "xero", "secrets": ["5ec2e7"] })).await;
    let body = r#"{"events":[],"entropy":"S0m3r4Nd0mt3xt"}"#;
    let raw = format!("POST /xero HTTP/1.1\r\nHost: x\r\n\r\n{body}");
    let question = json!({ "provider": "xero", "secret": "5ec2e7",
        "request": base64::engine::general_purpose::STANDARD.encode(raw) });
    let signed: Json = serve
        .request(reqwest::Method::POST, "/signature/sign")
        .json(&question)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let signature = signed["headers"][0][1].as_str().unwrap();
    for (body, headers, status) in [
        (body, &[("x-xero-signature", signature)][..], 200),
        ("{}", &[("x-xero-signature", signature)][..], 401),
        (body, &[][..], 401),
    ] {
        let response = ask(&serve, "POST", "/xero", headers, body).await;
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (status, ""));
        assert_eq!(newest(&serve, "xero").await["status"], status);
    }
}

#[tokio::test]
async fn stores_first_handshake_secret_and_masks_it() {
    let serve = Serve::start();
    inbox(&serve, "asana", json!({ "provider": "asana" })).await;
    for secret in ["b537207f20cbfa02357cf448134da559", "secret-of-another-sender"] {
        let response = ask(&serve, "POST", "/asana", &[("X-Hook-Secret", secret)], "").await;
        assert_eq!((response.status().as_u16(), &response.headers()["x-hook-secret"]), (200, &secret.parse().unwrap()));
    }
    let secrets = serve.get("/inboxes/asana/secrets").await;
    assert_eq!(secrets["items"], json!(["b537207f20cbfa02357cf448134da559"]));
    let kept = newest(&serve, "asana").await;
    assert!(!kept.to_string().contains("secret-of-another-sender"), "{kept}");
}
