//! Header blocks: names and values, compressed with zlib and a dictionary that the draft gives (section 2.6.10).
//!
//! All blocks of one direction are one compressed stream, so that none can be left out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::{Buf, BufMut, Bytes};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The most bytes of a block's names and values.
pub(crate) const LONGEST: usize = 64 * 1024;

/// Names in lower case, and values; several values of a name are separated by a zero byte.
pub(crate) type Headers = BTreeMap<String, String>;

/// These bytes are no header block that can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlockError {
    #[error("a header block that isn't compressed as it should be")]
    Compression,
    #[error("a header block of more than {LONGEST} bytes")]
    TooLong,
    #[error("a header block that ends too early or too late")]
    Length,
    #[error("a header's name or value that is no text")]
    Text,
    #[error("header {0:?} comes twice")]
    Twice(String),
}

/// The words of the dictionary that come with their length, as headers do.
const WORDS: &str = "\
options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow \
authorization cache-control connection content-base content-encoding content-language content-length \
content-location content-md5 content-range content-type date etag expect expires from host if-match \
if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma \
proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade \
user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie \
keep-alive origin";

/// The rest of the dictionary.
const REST: &str = "\
100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505\
203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized\
403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable\
Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT\
chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,\
publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

static DICTIONARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut dictionary = Vec::new();
    for word in WORDS.split(' ') {
        put_text(&mut dictionary, &word.replace('_', " "));
    }
    dictionary.put_slice(REST.as_bytes());
    dictionary
});

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.put_u32(text.len() as u32);
    out.put_slice(text.as_bytes());
}

/// Makes the blocks that are sent.
#[derive(Debug)]
pub(crate) struct Compressor(Compress);

impl Compressor {
    pub(crate) fn new() -> Self {
        let mut zlib = Compress::new(Compression::default(), true);
        // Refused only when there is something in it already.
        let _ = zlib.set_dictionary(&DICTIONARY);
        Self(zlib)
    }

    pub(crate) fn compress(&mut self, headers: &Headers) -> Bytes {
        let mut plain = Vec::new();
        plain.put_u32(headers.len() as u32);
        for (name, value) in headers {
            put_text(&mut plain, name);
            put_text(&mut plain, value);
        }
        self.compress_bytes(&plain)
    }

    pub(super) fn compress_bytes(&mut self, plain: &[u8]) -> Bytes {
        let mut block = Vec::with_capacity(plain.len() + 64);
        let before = self.0.total_in();
        loop {
            let read = (self.0.total_in() - before) as usize;
            // Compression with a sync flush has no way to fail.
            let _ = self
                .0
                .compress_vec(&plain[read..], &mut block, FlushCompress::Sync);
            if block.len() < block.capacity() {
                return block.into();
            }
            block.reserve(block.capacity());
        }
    }
}

/// Reads the blocks that are received.
#[derive(Debug)]
pub(crate) struct Decompressor(Decompress);

impl Decompressor {
    pub(crate) fn new() -> Self {
        Self(Decompress::new(true))
    }

    pub(crate) fn decompress(&mut self, block: &[u8]) -> Result<Headers, BlockError> {
        parse(&self.inflate(block)?)
    }

    fn inflate(&mut self, block: &[u8]) -> Result<Vec<u8>, BlockError> {
        let mut plain = Vec::with_capacity(4 * block.len().clamp(64, LONGEST / 4));
        let before = self.0.total_in();
        loop {
            let read = (self.0.total_in() - before) as usize;
            let inflated = self
                .0
                .decompress_vec(&block[read..], &mut plain, FlushDecompress::Sync);
            match inflated {
                Ok(Status::StreamEnd) => return Err(BlockError::Length),
                Ok(_) => {}
                // The first block says that it needs the dictionary.
                Err(error) if error.needs_dictionary().is_some() => {
                    self.0
                        .set_dictionary(&DICTIONARY)
                        .map_err(|_| BlockError::Compression)?;
                    continue;
                }
                Err(_) => return Err(BlockError::Compression),
            }
            if plain.len() > LONGEST {
                return Err(BlockError::TooLong);
            }
            if plain.len() < plain.capacity() {
                return Ok(plain);
            }
            plain.reserve(plain.capacity());
        }
    }
}

fn parse(mut plain: &[u8]) -> Result<Headers, BlockError> {
    let mut headers = Headers::new();
    let count = plain.try_get_u32().map_err(|_| BlockError::Length)?;
    for _ in 0..count {
        let (name, value) = (text(&mut plain)?, text(&mut plain)?);
        if headers.insert(name.clone(), value).is_some() {
            return Err(BlockError::Twice(name));
        }
    }
    if plain.is_empty() {
        Ok(headers)
    } else {
        Err(BlockError::Length)
    }
}

fn text(plain: &mut &[u8]) -> Result<String, BlockError> {
    let length = plain.try_get_u32().map_err(|_| BlockError::Length)?;
    let length = usize::try_from(length).map_err(|_| BlockError::Length)?;
    let (text, rest) = plain.split_at_checked(length).ok_or(BlockError::Length)?;
    *plain = rest;
    String::from_utf8(text.to_vec()).map_err(|_| BlockError::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_is_that_of_the_draft() {
        assert_eq!(DICTIONARY.len(), 1423);
        let empty = Compressor::new().compress(&Headers::new());
        // zlib's header: deflate, the largest window, a dictionary with this Adler-32 checksum.
        assert_eq!(empty[1] & 0x20, 0x20);
        assert_eq!(empty[2..6], [0xe3, 0xc6, 0xa7, 0xc2]);
    }
}
