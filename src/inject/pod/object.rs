//! What is an object of the Pod must be an object of the JSON.
//!
//! Derived readers also take a list, field by field. A patch into such a Pod could not be applied,
//! so it is unreadable instead. This file does not know which fields there are.

/// Reads types derived with `serde(remote = "Self")` from JSON objects alone.
macro_rules! only_objects {
    ($($name:ident $(<$life:lifetime>)?),*) => { $(
        impl<'de $(: $life, $life)?> serde::Deserialize<'de> for $name $(<$life>)? {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Object<T>(std::marker::PhantomData<T>);

                impl<'de $(: $life, $life)?> serde::de::Visitor<'de> for Object<$name $(<$life>)?> {
                    type Value = $name $(<$life>)?;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        members: A,
                    ) -> Result<Self::Value, A::Error> {
                        let members = serde::de::value::MapAccessDeserializer::new(members);
                        $name::deserialize(members)
                    }
                }

                from.deserialize_map(Object(std::marker::PhantomData))
            }
        }
    )* };
}

pub(super) use only_objects;
