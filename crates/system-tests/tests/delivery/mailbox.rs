//! A mail server that keeps what it is sent: as much of SMTP as Alertmanager speaks, with a password, without TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A message and its envelope.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mail {
    /// User and password, with a slash between.
    pub(crate) login: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Headers and all parts, decoded.
    pub(crate) text: String,
}

/// Everything that was sent, in its order.
pub(crate) struct Mailbox {
    pub(crate) address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Mailbox {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let taken = mails.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, taken.clone()));
            }
        });
        Self { address, mails }
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mailbox\r\n").await?;
    let mut mail = Mail::default();
    loop {
        let line = line(&mut stream).await?;
        let argument = line.split_once([':', ' ']).map_or("", |(_, argument)| argument);
        let answer = match line.get(..4).unwrap_or_default() {
            "EHLO" => "250-mailbox\r\n250 AUTH PLAIN\r\n",
            "AUTH" => {
                mail.login = login(argument.trim_start_matches("PLAIN "));
                "235 welcome\r\n"
            }
            "MAIL" => {
                mail.from = argument.trim_start_matches("FROM:").to_owned();
                "250 fine\r\n"
            }
            "RCPT" => {
                mail.to = argument.trim_start_matches("TO:").to_owned();
                "250 fine\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                mail.text = decoded(&message(&mut stream).await?);
                mails.lock().unwrap().push(mail.clone());
                "250 kept\r\n"
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => "502 unknown\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// A line without its end; the end of the connection is an error.
async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

/// The lines up to one of a single dot.
async fn message(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut text = String::new();
    loop {
        match line(stream).await?.as_str() {
            "." => return Ok(text),
            line => text = text + line.strip_prefix('.').unwrap_or(line) + "\n",
        }
    }
}

/// Reads base64 of `\0user\0password`.
fn login(encoded: &str) -> String {
    let bytes = BASE64_STANDARD.decode(encoded).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_start_matches('\0').replace('\0', "/")
}

/// Undoes quoted-printable: `=` and two hexadecimal digits are a byte, `=` and the end of a line are nothing.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut pieces = text.split('=');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        let byte = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, piece.strip_prefix('\n')) {
            (Some(byte), _) => bytes.extend([byte].iter().chain(&piece.as_bytes()[2..])),
            (None, Some(rest)) => bytes.extend(rest.bytes()),
            (None, None) => bytes.extend(format!("={piece}").bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn quoted_printable_is_undone() {
    assert_eq!(decoded("a=3D1 =E2=80=A6 long=\nline\nboundary=x"), "a=1 … longline\nboundary=x");
    assert_eq!(login(&BASE64_STANDARD.encode("\0me\0secret")), "me/secret");
}
