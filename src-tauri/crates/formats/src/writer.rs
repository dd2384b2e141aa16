//! Writing requests in one of the formats.

use super::{FileFormat, Record, archive, csv, har, jsonl, raw};

/// Writes requests in a format.
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
    /// A writer of a format.
    ///
    /// # Errors
    /// If the format is only read.
    pub fn new(format: FileFormat) -> Result<Self, String> {
        Ok(Self(match format {
            FileFormat::Har => Kind::Har { first: true },
            FileFormat::Jsonl => Kind::Jsonl,
            FileFormat::Csv => Kind::Csv,
            FileFormat::Raw => Kind::Raw,
            FileFormat::Archive => Kind::Archive(Box::new(archive::Writer::begin()?)),
            FileFormat::Curl | FileFormat::WebhookSite => return Err("this format is only read".into()),
        }))
    }

    /// What the file begins with.
    ///
    /// # Errors
    /// If the format's library fails.
    pub fn begin(&mut self) -> Result<Vec<u8>, String> {
        match &mut self.0 {
            Kind::Har { .. } => Ok(har::begin().into()),
            Kind::Csv => csv::begin(),
            Kind::Jsonl | Kind::Raw | Kind::Archive(_) => Ok(Vec::new()),
        }
    }

    /// One request.
    ///
    /// # Errors
    /// If the request cannot be written in this format.
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

    /// What the file ends with.
    ///
    /// # Errors
    /// If the format's library fails.
    pub fn end(self) -> Result<Vec<u8>, String> {
        match self.0 {
            Kind::Har { .. } => Ok(har::END.into()),
            Kind::Jsonl | Kind::Csv | Kind::Raw => Ok(Vec::new()),
            Kind::Archive(archive) => archive.end(),
        }
    }
}
