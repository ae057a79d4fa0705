//! What is known of a server's services and messages: a set of descriptors, linked.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use prost::Message;
use prost_reflect::prost_types::{FileDescriptorProto, FileDescriptorSet};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};

use crate::call::own::encoded;
use crate::call::own::grpc::fault::{Fault, Place};
use crate::registry::suggestion;

/// From where the messages of a server's services are known.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// The server describes itself.
    Reflection,
    /// These files do.
    Files {
        /// Their names, as the scenario has them.
        names: Vec<String>,
        /// What they say.
        descriptors: Descriptors,
    },
}

/// A linked set of descriptors; cloned freely. In JSON it is a `FileDescriptorSet` in base64.
#[derive(Clone)]
pub struct Descriptors {
    set: Bytes,
    pool: DescriptorPool,
}

/// Why bytes are no set of descriptors that can be used.
#[derive(Debug)]
pub enum DescriptorsError {
    /// They are no set at all.
    Broken(prost::DecodeError),
    /// A file is written in something else than proto2 and proto3, such as an edition.
    Syntax {
        /// Its name.
        file: String,
        /// What it says that it is written in.
        syntax: String,
    },
    /// They do not fit each other, or something that they name is not among them.
    Unlinked(prost_reflect::DescriptorError),
}

impl DescriptorsError {
    /// Whether the bytes are no set at all.
    pub fn is_broken(&self) -> bool {
        matches!(self, DescriptorsError::Broken(_))
    }
}

impl fmt::Display for DescriptorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DescriptorsError::Broken(_) => f.write_str("these bytes are no set of descriptors"),
            DescriptorsError::Syntax { file, syntax } => {
                write!(f, "`{file}` is written in `{syntax}`, and only proto2 and proto3 can be read")
            }
            DescriptorsError::Unlinked(error) => write!(f, "these descriptors do not fit each other: {error}"),
        }
    }
}

impl std::error::Error for DescriptorsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DescriptorsError::Broken(error) => Some(error),
            DescriptorsError::Syntax { .. } => None,
            DescriptorsError::Unlinked(error) => Some(error),
        }
    }
}

/// Where Google's own files stand, which every compiler has.
const BUNDLED: &str = "google/protobuf/";

impl Descriptors {
    /// The descriptors of an encoded `FileDescriptorSet`; of Google's well-known files those that lack are added.
    pub fn of(set: Bytes) -> Result<Self, DescriptorsError> {
        let mut files = FileDescriptorSet::decode(set.clone()).map_err(DescriptorsError::Broken)?;
        // The library has no other, and panics where it should say so.
        let known = |syntax: Option<&str>| matches!(syntax, None | Some("proto2" | "proto3"));
        if let Some(file) = files.file.iter().find(|file| !known(file.syntax.as_deref())) {
            let (file, syntax) = (file.name().to_owned(), file.syntax().to_owned());
            return Err(DescriptorsError::Syntax { file, syntax });
        }
        // Several sets say some files twice: what they import, and Google's own in the words of different compilers.
        let mut kept: Vec<FileDescriptorProto> = Vec::new();
        for file in files.file {
            let file = FileDescriptorProto { source_code_info: None, ..file };
            let again = |known: &FileDescriptorProto| {
                known.name() == file.name() && (*known == file || file.name().starts_with(BUNDLED))
            };
            if !kept.iter().any(again) {
                kept.push(file);
            }
        }
        files.file = kept;
        let there: BTreeSet<String> = files.file.iter().map(|file| file.name().to_owned()).collect();
        let wanted: BTreeSet<String> = files
            .file
            .iter()
            .flat_map(|file| &file.dependency)
            .filter(|name| !there.contains(*name))
            .cloned()
            .collect();
        let bundled = DescriptorPool::global();
        let lacking = |name: &String| {
            let file = bundled.file_descriptor_protos().find(|file| file.name() == name);
            file.filter(|_| name.starts_with(BUNDLED)).cloned()
        };
        files.file.extend(wanted.iter().filter_map(lacking));
        let pool = DescriptorPool::from_file_descriptor_set(files).map_err(DescriptorsError::Unlinked)?;
        Ok(Descriptors { set, pool })
    }

    /// The full names of all services.
    pub fn services(&self) -> Vec<String> {
        self.pool.services().map(|service| service.full_name().to_owned()).collect()
    }

    /// The method of that name, or what is wrong with it: what is not there, or sends more than one message.
    pub(super) fn method(&self, service: &str, method: &str) -> Result<MethodDescriptor, Fault> {
        let Some(known) = self.pool.get_service_by_name(service) else {
            let names = self.services();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let fault = Fault::at(Place::Method, format!("there is no service `{service}`"));
            return Err(match names.is_empty() {
                true => fault.help("none is described"),
                false => fault.help(suggestion(service, &names)),
            });
        };
        let Some(known) = known.methods().find(|known| known.name() == method) else {
            let names: Vec<String> = known.methods().map(|known| known.name().to_owned()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let fault = Fault::at(Place::Method, format!("`{service}` has no method `{method}`"));
            return Err(match names.is_empty() {
                true => fault.help("it has none"),
                false => fault.help(suggestion(method, &names)),
            });
        };
        if known.is_client_streaming() {
            let who = if known.is_server_streaming() { "both sides stream their" } else { "the client streams its" };
            let what = format!("`{service}/{method}` cannot be asked: {who} messages");
            return Err(Fault::at(Place::Method, what).help("a call sends one message; its reply may be a stream"));
        }
        Ok(known)
    }
}

impl fmt::Debug for Descriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Descriptors").field(&self.services()).finish()
    }
}

impl PartialEq for Descriptors {
    fn eq(&self, other: &Self) -> bool {
        self.set == other.set
    }
}

impl Serialize for Descriptors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        encoded::serialize(&self.set, serializer)
    }
}

impl<'de> Deserialize<'de> for Descriptors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Descriptors::of(encoded::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
