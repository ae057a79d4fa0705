//! The service's methods: their names, their parameters, and how arguments find them.

use crate::call::{CallError, Computation, SQUARES};
use crate::transport::rpyc::boxed::Boxed;
use crate::transport::rpyc::brine::{self, Token};
use crate::transport::rpyc::exception::Raised;

/// The class of the service, as other programs see it.
pub(crate) const CLASS: &str = "engine.Service";

/// A method of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Ping,
    Echo,
    Upload,
    Download,
    Compute(&'static Computation),
    Sleep,
    UploadFile,
    DownloadFile,
    UploadFileChunked,
    DownloadFileChunked,
    Nonce,
    ServiceName,
    ServiceAliases,
}

/// Every method; its place here is its slot among the objects of a connection.
pub(crate) const METHODS: &[Method] = &[
    Method::Ping,
    Method::Echo,
    Method::Upload,
    Method::Download,
    Method::Compute(&SQUARES),
    Method::Sleep,
    Method::UploadFile,
    Method::DownloadFile,
    Method::UploadFileChunked,
    Method::DownloadFileChunked,
    Method::Nonce,
    Method::ServiceName,
    Method::ServiceAliases,
    #[cfg(test)]
    Method::Compute(&crate::call::CUBES),
];

const NO_PAIR: Boxed<'static> = Boxed::Value(&[brine::EMPTY_TUPLE]);

/// No method has more parameters.
pub(crate) type Arguments<'a> = [Boxed<'a>; 2];

impl Method {
    /// Its name without `exposed_`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Ping => "ping",
            Method::Echo => "echo",
            Method::Upload => "upload",
            Method::Download => "download",
            Method::Compute(what) => what.name,
            Method::Sleep => "sleep",
            Method::UploadFile => "upload_file",
            Method::DownloadFile => "download_file",
            Method::UploadFileChunked => "upload_file_chunked",
            Method::DownloadFileChunked => "download_file_chunked",
            Method::Nonce => "nonce",
            Method::ServiceName => "get_service_name",
            Method::ServiceAliases => "get_service_aliases",
        }
    }

    fn parameters(self) -> &'static [&'static str] {
        match self {
            Method::Ping | Method::Nonce | Method::ServiceName | Method::ServiceAliases => &[],
            Method::Echo | Method::Upload | Method::UploadFile => &["data"],
            Method::Download | Method::DownloadFile => &["size"],
            Method::Compute(_) => &["n"],
            Method::Sleep => &["duration"],
            Method::UploadFileChunked => &["chunks"],
            Method::DownloadFileChunked => &["size", "chunk_size"],
        }
    }

    /// The method of that name, with or without `exposed_`.
    pub(crate) fn named(name: &str) -> Option<usize> {
        let name = name.strip_prefix("exposed_").unwrap_or(name);
        METHODS.iter().position(|method| method.name() == name)
    }

    /// Gives each parameter its argument; fails as Python does where they do not fit.
    pub(crate) fn bind<'a>(
        self,
        args: Boxed<'a>,
        kwargs: Boxed<'a>,
    ) -> Result<Result<Arguments<'a>, Raised>, CallError> {
        let (function, parameters) = (format_args!("Service.exposed_{}()", self.name()), self.parameters());
        let mut bound = [None; 2];
        let mut items = args.items()?;
        let given = items.len() as usize;
        if given > parameters.len() {
            let (takes, s) = (parameters.len() + 1, if parameters.is_empty() { "" } else { "s" });
            return Ok(Err(Raised::type_error(format!(
                "{function} takes {takes} positional argument{s} but {} were given",
                given + 1
            ))));
        }
        for place in bound.iter_mut().take(given) {
            *place = items.next()?;
        }
        let mut pairs = kwargs.items()?;
        while let Some(pair) = pairs.next()? {
            let mut pair = if pair.is_tuple() { pair.items()? } else { NO_PAIR.items()? };
            let (Some(key), Some(value)) = (pair.next()?, pair.next()?) else {
                return Ok(Err(Raised::type_error("a keyword argument without name or value")));
            };
            let Some(Token::Text(key)) = key.token()? else {
                return Ok(Err(Raised::type_error("keywords must be strings")));
            };
            match parameters.iter().position(|parameter| *parameter == key) {
                None => {
                    return Ok(Err(Raised::type_error(format!(
                        "{function} got an unexpected keyword argument '{key}'"
                    ))));
                }
                Some(place) if bound[place].is_some() => {
                    return Ok(Err(Raised::type_error(format!("{function} got multiple values for argument '{key}'"))));
                }
                Some(place) => bound[place] = Some(value),
            }
        }
        let missing: Vec<String> = parameters
            .iter()
            .zip(&bound)
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| format!("'{name}'"))
            .collect();
        if !missing.is_empty() {
            let s = if missing.len() > 1 { "s" } else { "" };
            let (count, names) = (missing.len(), missing.join(" and "));
            return Ok(Err(Raised::type_error(format!(
                "{function} missing {count} required positional argument{s}: {names}"
            ))));
        }
        Ok(Ok(bound.map(|value| value.unwrap_or(Boxed::Value(&[brine::NONE])))))
    }
}

#[cfg(test)]
mod tests {
    use super::{METHODS, Method};
    use crate::transport::rpyc::boxed::Boxed;
    use crate::transport::rpyc::exception::Raised;

    fn bind(method: Method, args: &[u8], kwargs: &[u8]) -> Result<i64, Raised> {
        method.bind(Boxed::Value(args), Boxed::Value(kwargs)).expect("well formed").map(|args| match args[0] {
            Boxed::Value(raw) => i64::from(raw[0]) - 0x50,
            _ => panic!("these tests bind values"),
        })
    }

    #[test]
    fn arguments_bind_as_in_python() {
        let (none, one, two) = (b"\x02".as_slice(), b"\x10\x51".as_slice(), b"\x11\x51\x52".as_slice());
        let by_name = b"\x10\x11\x08\x0ddata\x57";
        let wrong = |text: &str| Err(Raised::type_error(text));
        assert_eq!(bind(Method::Echo, one, none), Ok(1));
        assert_eq!(bind(Method::Echo, none, by_name), Ok(7));
        assert_eq!(
            bind(Method::Ping, one, none),
            wrong("Service.exposed_ping() takes 1 positional argument but 2 were given")
        );
        assert_eq!(
            bind(Method::Echo, two, none),
            wrong("Service.exposed_echo() takes 2 positional arguments but 3 were given")
        );
        assert_eq!(
            bind(Method::Echo, none, none),
            wrong("Service.exposed_echo() missing 1 required positional argument: 'data'")
        );
        assert_eq!(
            bind(Method::DownloadFileChunked, none, none),
            wrong(
                "Service.exposed_download_file_chunked() missing 2 required positional arguments: \
                 'size' and 'chunk_size'"
            )
        );
        assert_eq!(
            bind(Method::Ping, none, by_name),
            wrong("Service.exposed_ping() got an unexpected keyword argument 'data'")
        );
        assert_eq!(
            bind(Method::Echo, one, by_name),
            wrong("Service.exposed_echo() got multiple values for argument 'data'")
        );
    }

    #[test]
    fn a_method_has_its_name_with_and_without_prefix() {
        for (place, method) in METHODS.iter().enumerate() {
            assert_eq!(Method::named(method.name()), Some(place));
            assert_eq!(Method::named(&format!("exposed_{}", method.name())), Some(place));
        }
        assert_eq!(Method::named("exposed_"), None);
    }
}
