//! Variables and mounts, as the API wants them.

use std::borrow::Cow;

use serde::Serialize;

use super::settings::VolumeMount;

/// A variable of a container.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Variable<'a> {
    /// A literal.
    Value {
        /// Its name.
        name: &'a str,
        /// Its value.
        value: Cow<'a, str>,
    },
    /// A field of the Pod, through the downward API.
    Field {
        /// Its name.
        name: &'static str,
        /// Where the value comes from.
        #[serde(rename = "valueFrom")]
        value_from: FieldSource,
    },
}

impl<'a> Variable<'a> {
    /// A literal.
    pub const fn literal(name: &'a str, value: Cow<'a, str>) -> Self {
        Self::Value { name, value }
    }

    /// A field of the Pod.
    pub const fn field(name: &'static str, field_path: &'static str) -> Self {
        let field_ref = FieldRef { field_path };
        Self::Field {
            name,
            value_from: FieldSource { field_ref },
        }
    }

    /// Its name.
    pub const fn name(&self) -> &str {
        match self {
            Self::Value { name, .. } | Self::Field { name, .. } => name,
        }
    }
}

/// The downward API's `valueFrom`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldSource {
    field_ref: FieldRef,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldRef {
    field_path: &'static str,
}

/// A mount of a container.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount<'a> {
    /// The volume's name.
    pub name: &'a str,
    /// Where it is mounted.
    pub mount_path: Cow<'a, str>,
    /// The part of the volume that is mounted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_path: Option<&'a str>,
    /// The same with variables of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_path_expr: Option<&'static str>,
    /// Mounted for reading alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

impl<'a> Mount<'a> {
    /// A whole volume on a path.
    pub const fn whole(name: &'a str, mount_path: Cow<'a, str>) -> Self {
        Self {
            name,
            mount_path,
            sub_path: None,
            sub_path_expr: None,
            read_only: false,
        }
    }

    /// A mount of the settings.
    pub fn given(mount: &'a VolumeMount) -> Self {
        Self {
            name: &mount.name,
            mount_path: Cow::Borrowed(&mount.mount_path),
            sub_path: mount.sub_path.as_deref(),
            sub_path_expr: None,
            read_only: mount.read_only,
        }
    }
}
