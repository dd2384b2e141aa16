//! Paddle Classic (classic.paddle.com, "Verifying webhooks"): all form fields except the signature, sorted by name, in
//! the format of PHP's `serialize` for an array of strings.

use base64::Engine as _;

use super::{Code, Parts, badly_written, not_signed};
use crate::{algorithm::Algorithm, encoding::BASE64, fault::Fault, key::Keys, message::ParsedMessage};

const SIGNATURE: &str = "p_signature";

pub(super) fn parts(reading: &ParsedMessage<'_>, _: &Keys) -> Result<Vec<Parts>, Fault> {
    let mut fields: Vec<(String, String)> = reading.form().to_vec();
    let found = fields.iter().find(|(name, _)| name == SIGNATURE).map(|(_, value)| value.clone());
    let found = found.ok_or_else(|| not_signed(Code::PaddleClassic))?;
    let signature = BASE64.decode(found).map_err(|_| badly_written(Code::PaddleClassic, "base64"))?;
    fields.retain(|(name, _)| name != SIGNATURE);
    fields.sort();
    // PHP keeps only the last value of a repeated field.
    fields.reverse();
    fields.dedup_by(|later, earlier| later.0 == earlier.0);
    fields.reverse();
    let string = |text: &str| format!("s:{}:\"{text}\";", text.len());
    let inside: String = fields.iter().map(|(name, value)| string(name) + &string(value)).collect();
    let content = format!("a:{}:{{{inside}}}", fields.len()).into_bytes();
    Ok(vec![Parts { contents: vec![content], signatures: vec![signature], algorithm: Algorithm::RsaSha1 }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    /// The expected text is the output of `php -r 'echo serialize($fields)'` after `ksort`.
    #[test]
    fn serializes_the_form_like_php() {
        let body = b"p_signature=AAAA&price=1%2C5&alert_name=a+b&email=zo%C3%AB%40x&price=2";
        let message = Message { method: "POST", target: "/", url: None, headers: &[], body };
        let parts = parts(&ParsedMessage::new(&message), &Keys::default()).expect("signed message");
        assert_eq!(
            String::from_utf8_lossy(&parts[0].contents[0]),
            "a:3:{s:10:\"alert_name\";s:3:\"a b\";s:5:\"email\";s:6:\"zoë@x\";s:5:\"price\";s:1:\"2\";}"
        );
    }
}
