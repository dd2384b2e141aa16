//! Writer of export files in all formats.

use super::{FileFormat, Record, archive, csv, har, jsonl, raw};

/// Writer of requests in one format.
#[derive(Debug)]
pub struct Writer(Kind);

#[derive(Debug)]
enum Kind {
    Har { first: bool },
    Jsonl,
    Csv,
    Raw,
    Archive(Box<archive::Writer>),
}

impl Writer {
    /// Creates a writer of a format.
    ///
    /// # Errors
    /// Returns an error if the format can only be imported.
    pub fn new(format: FileFormat) -> Result<Self, String> {
        Ok(Self(match format {
            FileFormat::Har => Kind::Har { first: true },
            FileFormat::Jsonl => Kind::Jsonl,
            FileFormat::Csv => Kind::Csv,
            FileFormat::Raw => Kind::Raw,
            FileFormat::Archive => Kind::Archive(Box::new(archive::Writer::begin()?)),
            FileFormat::Curl | FileFormat::WebhookSite => return Err("this format can only be imported".into()),
        }))
    }

    /// Returns the bytes before the first request.
    ///
    /// # Errors
    /// Returns an error if the format's library fails.
    pub fn begin(&mut self) -> Result<Vec<u8>, String> {
        match &mut self.0 {
            Kind::Har { .. } => Ok(har::begin().into()),
            Kind::Csv => csv::begin(),
            Kind::Jsonl | Kind::Raw | Kind::Archive(_) => Ok(Vec::new()),
        }
    }

    /// Returns the bytes of a request.
    ///
    /// # Errors
    /// Returns an error if the request cannot be written in this format.
    pub fn request(&mut self, record: &Record) -> Result<Vec<u8>, String> {
        match &mut self.0 {
            Kind::Har { first } => {
                let entry = har::write_entry(record)?;
                Ok(if std::mem::take(first) { entry } else { [har::BETWEEN, &entry].concat() })
            }
            Kind::Jsonl => jsonl::line(record),
            Kind::Csv => csv::line(record),
            Kind::Raw => Ok(raw::message(record)),
            Kind::Archive(archive) => archive.request(record),
        }
    }

    /// Returns the bytes after the last request.
    ///
    /// # Errors
    /// Returns an error if the format's library fails.
    pub fn end(self) -> Result<Vec<u8>, String> {
        match self.0 {
            Kind::Har { .. } => Ok(har::END.into()),
            Kind::Jsonl | Kind::Csv | Kind::Raw => Ok(Vec::new()),
            Kind::Archive(archive) => archive.end(),
        }
    }
}
