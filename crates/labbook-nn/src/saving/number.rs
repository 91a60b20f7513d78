//! Numbers in JSON, which itself knows neither NaN nor infinity.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Finite(f64),
    Other(String),
}

fn written(value: f64) -> Written {
    match value.is_finite() {
        true => Written::Finite(value),
        false => Written::Other(value.to_string()),
    }
}

fn value<E: serde::de::Error>(written: Written) -> Result<f64, E> {
    match written {
        Written::Finite(value) => Ok(value),
        Written::Other(text) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            _ => Err(E::custom("expected a number, NaN, inf or -inf")),
        },
    }
}

/// Named columns of numbers.
pub(crate) mod columns {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Written, value, written};

    pub(crate) fn serialize<S: Serializer>(
        columns: &[(String, Vec<f64>)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let columns = columns.iter();
        let columns: Vec<(&str, Vec<Written>)> = columns
            .map(|(name, values)| {
                let values = values.iter().map(|&value| written(value));
                (name.as_str(), values.collect())
            })
            .collect();
        columns.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, Vec<f64>)>, D::Error> {
        let columns = Vec::<(String, Vec<Written>)>::deserialize(deserializer)?;
        let columns = columns.into_iter();
        columns
            .map(|(name, values)| {
                let values: Result<_, _> = values.into_iter().map(value).collect();
                Ok((name, values?))
            })
            .collect()
    }
}
