//! Values to and from PostgreSQL's binary format.

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, Kind as TypeKind, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::{
    Error, Value,
    row::{Cell, Columns},
    value::Kind,
};

type Boxed = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Value {
    /// Writes for the type the server has inferred, so that statements need no casts.
    fn to_sql(&self, to: &Type, out: &mut BytesMut) -> Result<IsNull, Boxed> {
        if let TypeKind::Domain(base) = to.kind() {
            return self.to_sql(base, out);
        }
        match &self.0 {
            Kind::Null => return Ok(IsNull::Yes),
            Kind::Integer(value) => integer(*value, to, out)?,
            Kind::Boolean(value) if *to == Type::BOOL => out.extend_from_slice(&[u8::from(*value)]),
            Kind::Text(value) if textual(to) || *to == Type::JSON => out.extend_from_slice(value.as_bytes()),
            Kind::Text(value) | Kind::Json(value) if *to == Type::JSONB => {
                // The version of the binary format of jsonb.
                out.extend_from_slice(&[1]);
                out.extend_from_slice(value.as_bytes());
            }
            Kind::Json(value) if textual(to) || *to == Type::JSON => out.extend_from_slice(value.as_bytes()),
            Kind::Uuid(value) if *to == Type::UUID => out.extend_from_slice(value.as_bytes()),
            Kind::Bytes(value) if *to == Type::BYTEA => out.extend_from_slice(value),
            Kind::Array(values) => array(values, to, out)?,
            Kind::Invalid(why) => return Err((*why).into()),
            _ => return Err(format!("the statement wants {to} here").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn textual(to: &Type) -> bool {
    [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::UNKNOWN].contains(to)
        || matches!(to.kind(), TypeKind::Enum(_))
}

fn integer(value: i64, to: &Type, out: &mut BytesMut) -> Result<(), Boxed> {
    if *to == Type::INT8 {
        out.extend_from_slice(&value.to_be_bytes());
    } else if *to == Type::INT4 {
        out.extend_from_slice(&i32::try_from(value)?.to_be_bytes());
    } else if *to == Type::INT2 {
        out.extend_from_slice(&i16::try_from(value)?.to_be_bytes());
    } else if *to == Type::NUMERIC {
        numeric(value, out)?;
    } else {
        return Err(format!("the statement wants {to} here, not an integer").into());
    }
    Ok(())
}

/// An integer as numeric: digits to the base of ten thousand, as a comparison with a `sum` wants them.
fn numeric(value: i64, out: &mut BytesMut) -> Result<(), Boxed> {
    let mut rest = value.unsigned_abs();
    let mut digits = Vec::new();
    while rest > 0 {
        digits.push(u16::try_from(rest % 10_000)?);
        rest /= 10_000;
    }
    let count = i16::try_from(digits.len())?;
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&(count - 1).max(0).to_be_bytes());
    out.extend_from_slice(&(if value < 0 { NEGATIVE } else { 0 }).to_be_bytes());
    out.extend_from_slice(&0_u16.to_be_bytes());
    for digit in digits.iter().rev() {
        out.extend_from_slice(&digit.to_be_bytes());
    }
    Ok(())
}

const NEGATIVE: u16 = 0x4000;

fn array(values: &[Value], to: &Type, out: &mut BytesMut) -> Result<(), Boxed> {
    let TypeKind::Array(member) = to.kind() else {
        return Err(format!("the statement wants {to} here, not a column of rows").into());
    };
    if values.is_empty() {
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&member.oid().to_be_bytes());
        return Ok(());
    }
    // One dimension, possibly with nulls, counted from one.
    out.extend_from_slice(&1_i32.to_be_bytes());
    out.extend_from_slice(&1_i32.to_be_bytes());
    out.extend_from_slice(&member.oid().to_be_bytes());
    out.extend_from_slice(&i32::try_from(values.len())?.to_be_bytes());
    out.extend_from_slice(&1_i32.to_be_bytes());
    for value in values {
        let at = out.len();
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        if let IsNull::No = value.to_sql(member, out)? {
            let length = i32::try_from(out.len() - at - 4)?;
            out[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}

/// A row as this crate reads it.
pub(super) struct Row<'a>(pub(super) &'a tokio_postgres::Row);

impl Columns for Row<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, index: usize) -> &str {
        self.0.columns()[index].name()
    }

    fn cell(&self, index: usize) -> Result<Cell<'_>, Error> {
        let raw: Raw<'_> = self.0.try_get(index).map_err(|fault| Error::Decode(fault.to_string()))?;
        raw.0.map_or(Ok(Cell::Null), |bytes| {
            let from = self.0.columns()[index].type_();
            decode(from, bytes).ok_or_else(|| Error::Decode(format!("column {} is {from}", self.name(index))))
        })
    }
}

/// The bytes of a value, whatever its type.
struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Boxed> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Boxed> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn decode<'a>(from: &Type, raw: &'a [u8]) -> Option<Cell<'a>> {
    if let TypeKind::Domain(base) = from.kind() {
        return decode(base, raw);
    }
    let text = |raw: &'a [u8]| std::str::from_utf8(raw).ok();
    Some(match from {
        &Type::INT8 => Cell::Integer(i64::from_be_bytes(raw.try_into().ok()?)),
        &Type::INT4 => Cell::Integer(i32::from_be_bytes(raw.try_into().ok()?).into()),
        &Type::INT2 => Cell::Integer(i16::from_be_bytes(raw.try_into().ok()?).into()),
        &Type::NUMERIC => Cell::Integer(whole(raw)?),
        &Type::BOOL => Cell::Boolean(*raw.first()? != 0),
        &Type::UUID => Cell::Uuid(Uuid::from_slice(raw).ok()?),
        &Type::BYTEA => Cell::Bytes(raw),
        &Type::JSON => Cell::Json(text(raw)?),
        &Type::JSONB => Cell::Json(text(raw.get(1..)?)?),
        other if textual(other) => Cell::Text(text(raw)?),
        _ => return None,
    })
}

/// A numeric without a fraction: `sum` of integers answers in this type.
fn whole(raw: &[u8]) -> Option<i64> {
    let word = |at: usize| raw.get(at * 2..at * 2 + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    let (count, weight, sign) = (word(0)?, word(1)?.cast_signed(), word(2)?);
    let mut value: i128 = 0;
    for index in 0..i32::from(count) {
        let digit = i128::from(word(4 + usize::try_from(index).ok()?)?);
        let power = i32::from(weight) - index;
        if power < 0 {
            if digit != 0 {
                return None;
            }
            continue;
        }
        value = value.checked_add(digit.checked_mul(10_000_i128.checked_pow(power.unsigned_abs())?)?)?;
    }
    i64::try_from(match sign {
        0 => value,
        NEGATIVE => -value,
        _ => return None,
    })
    .ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_whole_number_survives_numeric(value: i64) {
            let mut out = BytesMut::new();
            numeric(value, &mut out).unwrap();
            prop_assert_eq!(whole(&out), Some(value));
        }
    }

    #[test]
    fn a_fraction_is_not_cut_off() {
        // 1.5: digits 1 and 5000, weight 0.
        let raw = [0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0x13, 0x88];
        assert_eq!(whole(&raw), None);
    }
}
