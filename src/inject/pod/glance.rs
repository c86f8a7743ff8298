//! A Pod of which no more is read than its own words call for.
//!
//! Where only a Pod's annotations can ask, most Pods say nothing, and the spec is by far the longest part of them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::metadata::{Annotations, Metadata};
use super::text::{Presence, Text};
use super::{Pod, Spec};

/// A Pod whose spec is passed over as missing if its metadata stands before it and has no annotation of Sidebox's. What
/// is passed over is still JSON, but need not be what the API calls a spec.
#[derive(Debug)]
pub struct IfSpoken<'a>(pub Pod<'a>);

/// Whether no annotation there is Sidebox's, neither a word of somebody's nor the status.
fn is_silent(metadata: &Presence<Metadata<'_>>) -> bool {
    let annotations = metadata.get().and_then(|read| read.annotations.get());
    !annotations.is_some_and(Annotations::speak_of_sidebox)
}

struct PodVisitor;

impl<'de> Visitor<'de> for PodVisitor {
    type Value = IfSpoken<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<IfSpoken<'de>, A::Error> {
        let mut metadata: Option<Presence<Metadata<'de>>> = None;
        let mut spec: Option<Presence<Box<Spec<'de>>>> = None;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match &*key {
                "metadata" if metadata.is_some() => {
                    return Err(A::Error::duplicate_field("metadata"));
                }
                "spec" if spec.is_some() => return Err(A::Error::duplicate_field("spec")),
                "metadata" => metadata = Some(map.next_value()?),
                "spec" if metadata.as_ref().is_some_and(is_silent) => {
                    map.next_value::<IgnoredAny>()?;
                    spec = Some(Presence::Missing);
                }
                "spec" => spec = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(IfSpoken(Pod {
            metadata: metadata.unwrap_or_default(),
            spec: spec.unwrap_or_default(),
        }))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for IfSpoken<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PodVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = r#""spec":{"containers":[{"name":"app"}]}"#;
    const BROKEN: &str = r#""spec":{"containers":7}"#;
    const SILENT: &str = r#""metadata":{"annotations":{"team":"web"}}"#;

    fn read(members: &[&str]) -> Result<Pod<'static>, String> {
        let text = format!("{{{}}}", members.join(",")).leak();
        let read = serde_json::from_str::<IfSpoken<'_>>(text);
        read.map(|read| read.0).map_err(|error| error.to_string())
    }

    #[test]
    fn the_spec_is_read_where_annotations_speak_or_come_later() {
        for key in ["inject", "status", "no-such-key"] {
            let spoken = format!(r#""metadata":{{"annotations":{{"sidebox.dev/{key}":"true"}}}}"#);
            let pod = read(&[&spoken, SPEC]).unwrap();
            assert!(pod.spec.get().is_some(), "{key}");
            assert!(read(&[&spoken, BROKEN]).is_err(), "{key}");
        }
        let pod = read(&[SPEC, SILENT]).unwrap();
        assert!(pod.spec.get().is_some() && pod.annotations().is_some());
    }

    #[test]
    fn else_it_is_passed_over_whatever_it_is() {
        for metadata in [SILENT, r#""metadata":null"#, r#""metadata":{}"#] {
            for spec in [SPEC, BROKEN] {
                let pod = read(&[metadata, spec]).unwrap();
                assert!(pod.spec.get().is_none(), "{metadata}");
            }
        }
    }

    #[test]
    fn members_that_stand_twice_and_lists_are_errors() {
        for twice in [[SILENT, SILENT], [SPEC, SPEC]] {
            let error = read(&twice).unwrap_err();
            assert!(error.contains("duplicate field"), "{error}");
        }
        assert!(serde_json::from_str::<IfSpoken<'_>>("[{}, {}]").is_err());
    }
}
