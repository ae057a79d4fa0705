//! `engine try`: one target, one call, five trials; the scenario that it ran is written beside.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::caution;
use crate::cli::create::create;
use crate::cli::run::Run;
use crate::error::{Context, Error, Exit, Result};
use crate::units::Time;

/// How often it is measured.
const TRIALS: u32 = 5;

/// Measures what answers at URL, and writes the scenario that did it
#[derive(Debug, Args)]
pub(crate) struct Try {
    /// What is asked: http://host:port/path; also https, h2c (HTTP/2 in clear), h2, h3, grpc://host:port/pkg.Service/Method
    /// (grpcs over TLS), rpyc://host:port/method and tcp://host:port with -d
    url: String,
    /// The body of the request, the message of gRPC as JSON, or what is sent over tcp; with it a request is a POST
    #[arg(short = 'd', value_name = "BODY")]
    body: Option<String>,
    /// A header of the request, such as `accept: text/plain`, or metadata of gRPC; may be repeated
    #[arg(short = 'H', value_name = "HEADER")]
    headers: Vec<String>,
    /// A `.proto` file, or a set of descriptors, that says what the messages of gRPC are; may be repeated
    /// [default: the server says it itself, by reflection]
    #[arg(long, value_name = "FILE")]
    proto: Vec<PathBuf>,
    /// How many callers, each with at most one call in flight
    #[arg(long, value_name = "N", default_value_t = 1)]
    clients: u32,
    /// How long calls are made, in all five trials together
    #[arg(long = "for", value_name = "T", default_value = "10s", value_parser = time)]
    lasting: Time,
    /// Calls per second of all clients together, due by the clock
    #[arg(long, value_name = "R")]
    rate: Option<f64>,
    /// Where to write the scenario [default: the name of the host with .yaml behind it; never over another file]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A text as YAML has it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The name of a header that says who asks, where its value is written out.
fn credential(header: &str) -> Option<&str> {
    let (name, value) = header.split_once(':').map(|(name, value)| (name.trim(), value))?;
    let low = name.to_ascii_lowercase();
    let tells = ["authorization", "cookie", "key", "token", "secret", "password"].iter().any(|word| low.contains(word));
    (tells && !value.contains("${env:")).then_some(name)
}

fn time(text: &str) -> std::result::Result<Time, String> {
    text.parse::<Time>().map_err(|error| error.to_string())
}

/// Whom a URL names, and what of it.
struct CallRequest {
    transport: &'static str,
    tls: bool,
    authority: String,
    path: String,
}

impl Try {
    pub(crate) fn run(self) -> Result<Exit> {
        let asked = CallRequest::of(&self.url)?;
        let host = asked.authority.rsplit_once(':').map_or(asked.authority.as_str(), |(host, _)| host);
        let name: String = host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
        let name = name.trim_matches('-').to_owned();
        let text = self.scenario(&asked, &name)?;
        let file = match &self.out {
            Some(file) => create(file, &text).map(|()| file.clone())?,
            None => free(&name, &text)?,
        };
        // A closed stderr is the reader's choice.
        let _ = writeln!(std::io::stderr(), "wrote {}", file.display());
        for name in self.headers.iter().filter_map(|header| credential(header)) {
            let held = format!("{} holds your `{name}` as it is", file.display());
            let rather = format!(
                "before you commit it write `{name}: \"${{env:NAME}}\"` there, which a run reads from its environment"
            );
            caution(&Error::usage(held).help(rather));
        }
        let folder = std::env::temp_dir().join(format!("engine-try-{}", std::process::id()));
        let exit = Run::once(&file, &folder).run();
        // What it showed is all that was wanted; the scenario makes the same again.
        let _ = fs::remove_dir_all(&folder);
        exit
    }

    /// What `-H` gives, as the lines of a key.
    fn fields(&self, key: &str) -> Result<String> {
        let mut lines = if self.headers.is_empty() { String::new() } else { format!("\n    {key}:") };
        for header in &self.headers {
            let (name, value) = header.split_once(':').ok_or_else(|| {
                Error::usage("this is no header: it has no colon").help("write it like `-H 'accept: text/plain'`")
            })?;
            lines.push_str(&format!("\n      {}: {}", quoted(name.trim()), quoted(value.trim())));
        }
        Ok(lines)
    }

    /// What says what the messages of gRPC are, as a line of the target. A file is found from wherever the scenario is
    /// written.
    fn proto(&self, transport: &str) -> Result<String> {
        if transport != "grpc" {
            return match self.proto.is_empty() {
                true => Ok(String::new()),
                false => Err(Error::usage("--proto is for grpc:// only")),
            };
        }
        let beside =
            self.out.as_ref().is_none_or(|out| out.parent().is_none_or(|folder| folder.as_os_str().is_empty()));
        let named = |file: &PathBuf| {
            let file = if beside { file.clone() } else { std::path::absolute(file).doing(file.display())? };
            Ok(quoted(&file.to_string_lossy()))
        };
        let files = self.proto.iter().map(named).collect::<Result<Vec<_>>>()?;
        Ok(match files.is_empty() {
            true => "\n    proto: reflection".to_owned(),
            false => format!("\n    proto: [{}]", files.join(", ")),
        })
    }

    /// The scenario that asks for it.
    fn scenario(&self, asked: &CallRequest, name: &str) -> Result<String> {
        let CallRequest { transport, tls, authority, path } = asked;
        let call = match *transport {
            "rpyc" => format!("rpyc: {}", quoted(path.trim_start_matches('/'))),
            "grpc" => {
                let mut call = format!("grpc: {}", quoted(path.trim_start_matches('/')));
                if let Some(body) = &self.body {
                    // JSON on one line is YAML as it stands.
                    let message: serde_json::Map<String, serde_json::Value> =
                        serde_json::from_str(body).map_err(|error| {
                            Error::usage("the message of gRPC is no map of JSON")
                                .help("write it like `-d '{\"sku\": \"a-1\"}'`")
                                .because(error)
                        })?;
                    call.push_str(&format!("\n    message: {}", serde_json::Value::from(message)));
                }
                call.push_str(&self.fields("metadata")?);
                call
            }
            "tcp" => {
                let body = self.body.as_deref().ok_or_else(|| {
                    Error::usage("nothing says what is sent over tcp").help("give it, such as `-d 'PING\\r\\n'`")
                })?;
                format!("send: {}\n    until: \"\\n\"", quoted(body))
            }
            _ => {
                let method = if self.body.is_some() { "POST" } else { "GET" };
                let mut call = format!("http: {}", quoted(&format!("{method} {path}")));
                call.push_str(&self.fields("headers")?);
                if let Some(body) = &self.body {
                    call.push_str(&format!("\n    body: {}", quoted(body)));
                }
                call
            }
        };
        let proto = self.proto(transport)?;
        let options = if *tls { "\n    options: {tls: true}" } else { "" };
        let rate = self.rate.map(|rate| format!("\n    rate: {rate}")).unwrap_or_default();
        let each = Time(Duration::from_nanos(self.lasting.ns() / u64::from(TRIALS)));
        Ok(format!(
            "title: {title}\n\
             question: How soon does it answer?\n\
             targets:\n  - name: {name}\n    transport: {transport}\n    at: {at}{proto}{options}\n\
             calls:\n  - name: it\n    {call}\n\
             workloads:\n  - name: tried\n    call: it\n    clients: {clients}\n    warmup: 10{rate}\n    duration: {each}\n\
             trials: {TRIALS}\n",
            title = quoted(&format!("{name}, tried")),
            name = quoted(name),
            at = quoted(authority),
            clients = self.clients,
        ))
    }
}

impl CallRequest {
    /// What a URL says; an error says what would be right.
    fn of(url: &str) -> Result<Self> {
        let wrong = |what: String| Error::usage(what).help("write it like http://127.0.0.1:8080/ping");
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("this URL has no scheme".to_owned()))?;
        let (transport, tls, port) = match scheme {
            "http" => ("http1", false, 80),
            "https" => ("http1", true, 443),
            "h2c" => ("http2", false, 80),
            "h2" => ("http2", true, 443),
            "h3" => ("http3", false, 443),
            "grpc" => ("grpc", false, 50051),
            "grpcs" => ("grpc", true, 443),
            "rpyc" => ("rpyc", false, 18812),
            "tcp" => ("tcp", false, 0),
            other => {
                let what = format!("no call can be tried at `{other}://`");
                return Err(wrong(what).help("known: http, https, h2c, h2, h3, grpc, grpcs, rpyc, tcp"));
            }
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(Error::usage("this URL names a user").help("send what the server wants as a header, by -H"));
        }
        let ported = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = match (ported, port) {
            (true, _) => authority.to_owned(),
            (false, 0) => return Err(wrong(format!("`{scheme}://` needs a port"))),
            (false, port) => format!("{authority}:{port}"),
        };
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if transport == "rpyc" && path.len() < 2 {
            return Err(
                Error::usage("this URL names no method").help("write it like rpyc://127.0.0.1:18812/read_sensor")
            );
        }
        if transport == "grpc" && path.trim_matches('/').split('/').count() != 2 {
            return Err(Error::usage("this URL names no service with a method of it")
                .help("write it like grpc://127.0.0.1:50051/shop.v1.Orders/Place"));
        }
        Ok(CallRequest { transport, tls, authority, path })
    }
}

/// Writes the first file of that name that is not there yet.
fn free(name: &str, text: &str) -> Result<PathBuf> {
    let names = std::iter::once(format!("{name}.yaml")).chain((2..1000).map(|number| format!("{name}-{number}.yaml")));
    let file = names.map(PathBuf::from).find(|file| !file.exists());
    let file = file.ok_or_else(|| Error::usage("there are too many such files here").help("name one by --out"))?;
    create(&file, text).map(|()| file)
}

#[cfg(test)]
mod tests {
    use super::CallRequest;

    #[test]
    fn a_url_says_whom_and_what() {
        for (url, transport, tls, authority, path) in [
            ("http://127.0.0.1:8080/ping?a=1#x", "http1", false, "127.0.0.1:8080", "/ping?a=1"),
            ("https://shop.example", "http1", true, "shop.example:443", "/"),
            ("h2c://h:1?x", "http2", false, "h:1", "/?x"),
            ("h3://[::1]:4433/", "http3", false, "[::1]:4433", "/"),
            ("rpyc://lab/read", "rpyc", false, "lab:18812", "/read"),
            ("grpc://shop/shop.v1.Orders/Place", "grpc", false, "shop:50051", "/shop.v1.Orders/Place"),
            ("grpcs://shop.example/s.S/M", "grpc", true, "shop.example:443", "/s.S/M"),
        ] {
            let asked = CallRequest::of(url).expect(url);
            let got = (asked.transport, asked.tls, asked.authority.as_str(), asked.path.as_str());
            assert_eq!(got, (transport, tls, authority, path), "{url}");
        }
        for (url, wrong) in [
            ("localhost:80", "no scheme"),
            ("gopher://h/", "gopher"),
            ("tcp://h", "needs a port"),
            ("http://me:secret@h/", "names a user"),
            ("rpyc://h", "names no method"),
            ("grpc://h/shop.v1.Orders", "no service with a method"),
        ] {
            let told = CallRequest::of(url).err().expect(url);
            assert!(told.message().contains(wrong), "{url}: {}", told.message());
            assert!(!told.message().contains("secret"));
        }
    }
}
