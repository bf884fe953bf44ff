//! What a product is written with: the request, and the checks that need no more than the request.

use std::fmt;

use db::Amount;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::http::{Code, Fault, Faults, Patch};
use crate::search;

/// A product to create, or to update when its code is known. What is absent stays as it is; null clears it. Lists are
/// replaced whole, except that variants which are not named stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductWrite {
    /// The key, in any letter case. May be absent when there are variants: the product is then known by their codes.
    #[schema(example = "Li00001")]
    pub product_code: Option<String>,
    /// Barcode; an empty one is none.
    #[schema(value_type = Option<String>, example = "")]
    pub product_barcode: Patch<String>,
    /// Name; needed in a new product.
    #[schema(value_type = Option<String>, example = "Tissue Daisy")]
    pub product_name: Patch<String>,
    /// Description.
    #[schema(value_type = Option<String>, example = "Open API Test")]
    pub product_description: Patch<String>,
    /// Main category; made when it is new. Needed in a new product.
    #[schema(value_type = Option<String>, example = "Open API")]
    pub category: Patch<String>,
    /// Second level; made when it is new.
    #[schema(value_type = Option<String>)]
    pub sub_category: Patch<String>,
    /// Third level; made when it is new.
    #[schema(rename = "sub_SubCategory", value_type = Option<String>)]
    #[serde(rename = "sub_SubCategory")]
    pub sub_sub_category: Patch<String>,
    /// Cost; needed in a new product without variants, not used in one with variants.
    #[schema(value_type = Option<f64>, example = 15.0)]
    pub cost: Patch<Amount>,
    /// Prices, one or more a tier: the whole list. Needed in a new product without variants.
    #[schema(value_type = Option<Vec<ProductPriceWrite>>)]
    pub prices: Patch<Vec<ProductPriceWrite>>,
    /// Unit of measure; must be in the list `units`. Needed in a new product.
    #[schema(value_type = Option<String>, example = "ชิ้น")]
    pub product_unit_name: Patch<String>,
    /// Weight.
    #[schema(value_type = Option<f64>, example = json!(null))]
    pub product_weight: Patch<Amount>,
    /// Unit of the weight, such as `gram` and `kilogram`.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub product_weight_unit: Patch<String>,
    /// Tags; made when they are new. One text is a list of one.
    #[schema(value_type = Option<Vec<String>>)]
    pub product_tag: Patch<Texts>,
    /// Addresses of pictures that anyone can fetch.
    #[schema(value_type = Option<Vec<String>>, example = json!([]))]
    pub product_image: Patch<Texts>,
    /// Whether stock is kept. Needed in a new product.
    #[schema(value_type = Option<bool>, example = true)]
    pub track_inventory: Patch<bool>,
    /// Quantity in stock: what is there from now on. Of a product with variants each has its own.
    #[schema(value_type = Option<i64>, example = 50)]
    pub qty: Patch<Amount>,
    /// Quantity at which to warn.
    #[schema(value_type = Option<i64>, example = 5)]
    pub low_stock_alert: Patch<Amount>,
    /// Whether there is a warranty. Needed in a new product.
    #[schema(value_type = Option<bool>, example = false)]
    pub use_warranty: Patch<bool>,
    /// How long the warranty is; digits as text are taken.
    #[schema(value_type = Option<i64>, example = json!(null))]
    pub time_warranty_value: Patch<String>,
    /// `y` years, `m` months, `d` days.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub time_warranty_unit: Patch<String>,
    /// Remark on the warranty.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub warranty_note: Patch<String>,
    /// Whether it can be put on sales documents. Needed in a new product.
    #[schema(value_type = Option<bool>, example = true)]
    pub visibility: Patch<bool>,
    /// Whether it is in use. Needed in a new product.
    #[schema(value_type = Option<bool>, example = true)]
    pub active: Patch<bool>,
    /// Variants: items of their own, each with its code, cost, prices and quantity.
    #[schema(value_type = Option<Vec<ProductVariantWrite>>, example = json!([]))]
    pub product_variant: Patch<Vec<ProductVariantWrite>>,
    /// Brand; made when it is new.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub brand_name: Patch<String>,
    /// Further details, as the legacy operation takes them.
    #[serde(skip)]
    #[schema(ignore)]
    pub notes: Patch<String>,
}

/// A price of a tier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductPriceWrite {
    /// Price tier; made when it is new.
    #[schema(example = "Normal Price")]
    pub price_tier_name: String,
    /// Regular price.
    #[schema(value_type = f64, example = 12.5)]
    pub regular_price: Amount,
    /// Reduced price.
    #[schema(value_type = Option<f64>, example = 15.0)]
    pub sale_price: Option<Amount>,
    /// VAT in percent; made when the company has no such rate.
    #[schema(value_type = Option<f64>, example = 3.0)]
    pub vat_value: Option<Amount>,
    /// The same, as the page of variants spells it.
    #[schema(value_type = Option<f64>, example = json!(null))]
    pub vat: Option<Amount>,
    /// Whether the company's usual VAT is meant.
    #[schema(example = true)]
    pub use_default_vat: Option<bool>,
    /// First moment of the price; absent or null: always.
    #[schema(example = json!(null))]
    pub starts_at: Option<String>,
    /// Last moment of the price, a bare day counts whole; absent or null: for ever.
    #[schema(example = json!(null))]
    pub ends_at: Option<String>,
}

/// A variant to create, or to update when its code is known.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductVariantWrite {
    /// The key, in any letter case.
    #[schema(example = "LI00002")]
    pub product_code: String,
    /// Name.
    #[schema(example = "TestMobilePhone")]
    pub product_name: String,
    /// Barcode; an empty one is none.
    #[schema(value_type = Option<String>)]
    pub product_barcode: Patch<String>,
    /// Description.
    #[schema(value_type = Option<String>)]
    pub product_description: Patch<String>,
    /// Cost.
    #[schema(value_type = Option<f64>, example = 18_500.0)]
    pub cost: Patch<Amount>,
    /// Prices: the whole list. Needed in a new variant.
    #[schema(value_type = Option<Vec<ProductPriceWrite>>)]
    pub prices: Patch<Vec<ProductPriceWrite>>,
    /// Addresses of pictures that anyone can fetch.
    #[schema(value_type = Option<Vec<String>>)]
    pub product_image: Patch<Texts>,
    /// Quantity in stock.
    #[schema(value_type = Option<i64>, example = 34)]
    pub qty: Patch<Amount>,
    /// Quantity at which to warn.
    #[schema(value_type = Option<i64>, example = 5)]
    pub low_stock_alert: Patch<Amount>,
    /// Whether it is in use; as the product is when absent.
    #[schema(value_type = Option<bool>)]
    pub active: Patch<bool>,
    /// What it is told apart by: the whole list. Needed in a new variant.
    #[schema(value_type = Option<Vec<ProductVariantAttribute>>)]
    pub attribute: Patch<Vec<ProductVariantAttribute>>,
}

/// What a variant is told apart by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductVariantAttribute {
    /// An entry of the list `attributes`.
    #[schema(example = "Size")]
    pub attribute_name: String,
    /// One of its values.
    #[schema(example = "16 GB")]
    pub attribute_value_name: String,
}

/// A list of texts, which may also come as one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("must be a list of texts, or one text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Texts, E> {
                Ok(Texts(vec![number.to_string()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// The longest lists that a product may have.
pub(super) const MOST_ITEMS: usize = 200;

impl ProductWrite {
    /// The variants that are named.
    pub(super) fn variants(&self) -> &[ProductVariantWrite] {
        match &self.product_variant {
            Patch::Set(variants) => variants,
            Patch::Keep | Patch::Clear => &[],
        }
    }

    /// The code that is given.
    pub(super) fn code(&self) -> Option<&str> {
        self.product_code.as_deref().map(search::trimmed).filter(|code| !code.is_empty())
    }

    /// Looks at every field that can be judged without the record; `found` is what the decoder found.
    pub(crate) fn check(&self, found: Vec<Fault>) -> Faults {
        let mut faults = Faults::new(found);
        if let Some(code) = self.code() {
            faults.longest("productCode", code, 50);
        } else if self.variants().is_empty() {
            faults.add(Code::Required, "productCode", "productCode is required without variants");
        }
        let texts: [(&str, &Patch<String>, usize); 11] = [
            ("productBarcode", &self.product_barcode, 100),
            ("productName", &self.product_name, 300),
            ("productDescription", &self.product_description, 10_000),
            ("category", &self.category, 200),
            ("subCategory", &self.sub_category, 200),
            ("sub_SubCategory", &self.sub_sub_category, 200),
            ("productUnitName", &self.product_unit_name, 200),
            ("productWeightUnit", &self.product_weight_unit, 50),
            ("warrantyNote", &self.warranty_note, 2000),
            ("brandName", &self.brand_name, 200),
            ("notes", &self.notes, 10_000),
        ];
        for (field, text, longest) in texts {
            if let Patch::Set(text) = text {
                faults.longest(field, text, longest);
            }
        }
        // These cannot be without a value: null is no more than leaving them out of a new product would be.
        for (field, text) in [("productName", &self.product_name), ("category", &self.category)] {
            match text {
                Patch::Set(text) if !text.trim().is_empty() => {}
                Patch::Keep => {}
                _ => faults.add(Code::Required, field, format!("{field} is required")),
            }
        }
        for (field, flag) in [
            ("trackInventory", &self.track_inventory),
            ("useWarranty", &self.use_warranty),
            ("visibility", &self.visibility),
            ("active", &self.active),
        ] {
            if *flag == Patch::Clear {
                faults.add(Code::Required, field, format!("{field} is required"));
            }
        }
        not_negative(&mut faults, "cost", &self.cost);
        not_negative(&mut faults, "productWeight", &self.product_weight);
        not_negative(&mut faults, "lowStockAlert", &self.low_stock_alert);
        not_negative(&mut faults, "qty", &self.qty);
        self.check_warranty(&mut faults);
        check_prices(&mut faults, "", &self.prices);
        check_texts(&mut faults, "productTag", &self.product_tag, 200);
        check_images(&mut faults, "productImage", &self.product_image);
        self.check_variants(&mut faults);
        faults
    }

    fn check_warranty(&self, faults: &mut Faults) {
        if let Patch::Set(text) = &self.time_warranty_value
            && !text.trim().is_empty()
            && whole(text).is_none()
        {
            let message = "timeWarrantyValue must be a whole number from 0 to 100000";
            faults.add(Code::InvalidType, "timeWarrantyValue", message);
        }
        if let Patch::Set(unit) = &self.time_warranty_unit
            && !matches!(unit.trim().to_lowercase().as_str(), "" | "y" | "m" | "d")
        {
            faults.add(Code::InvalidValue, "timeWarrantyUnit", "timeWarrantyUnit must be one of y, m, d");
        }
    }

    fn check_variants(&self, faults: &mut Faults) {
        let variants = self.variants();
        check_length(faults, "productVariant", variants.len());
        let mut seen: Vec<String> = Vec::with_capacity(variants.len());
        for (index, variant) in variants.iter().enumerate().take(MOST_ITEMS) {
            let path = format!("productVariant[{index}]");
            faults.required(&format!("{path}.productCode"), &variant.product_code, 50);
            faults.required(&format!("{path}.productName"), &variant.product_name, 300);
            let code = super::store::key(&variant.product_code);
            let own = self.code().is_some_and(|own| super::store::key(own) == code);
            if own || seen.contains(&code) {
                let field = format!("{path}.productCode");
                let message = format!("{field} “{}” appears twice", variant.product_code);
                faults.add(Code::InvalidValue, field, message);
            }
            seen.push(code);
            if let Patch::Set(text) = &variant.product_barcode {
                faults.longest(&format!("{path}.productBarcode"), text, 100);
            }
            if let Patch::Set(text) = &variant.product_description {
                faults.longest(&format!("{path}.productDescription"), text, 10_000);
            }
            not_negative(faults, &format!("{path}.cost"), &variant.cost);
            not_negative(faults, &format!("{path}.qty"), &variant.qty);
            not_negative(faults, &format!("{path}.lowStockAlert"), &variant.low_stock_alert);
            check_prices(faults, &format!("{path}."), &variant.prices);
            check_images(faults, &format!("{path}.productImage"), &variant.product_image);
            if let Patch::Set(attributes) = &variant.attribute {
                check_length(faults, &format!("{path}.attribute"), attributes.len());
                for (index, attribute) in attributes.iter().enumerate() {
                    let path = format!("{path}.attribute[{index}]");
                    faults.required(&format!("{path}.attributeName"), &attribute.attribute_name, 200);
                    faults.required(&format!("{path}.attributeValueName"), &attribute.attribute_value_name, 200);
                }
            }
        }
    }

    /// What a new product must have by the original's page; which of it depends on whether there are variants.
    pub(super) fn check_new(&self, faults: &mut Faults) {
        let mut need = |field: &str, given: bool| {
            if !given {
                faults.add(Code::Required, field, format!("{field} is required in a new product"));
            }
        };
        let has_text = |text: &Patch<String>| matches!(text, Patch::Set(text) if !text.trim().is_empty());
        need("productName", has_text(&self.product_name));
        need("category", has_text(&self.category));
        need("productUnitName", has_text(&self.product_unit_name));
        need("trackInventory", is_set(&self.track_inventory));
        need("useWarranty", is_set(&self.use_warranty));
        need("visibility", is_set(&self.visibility));
        need("active", is_set(&self.active));
        if self.variants().is_empty() {
            need("cost", is_set(&self.cost));
            need("prices", matches!(&self.prices, Patch::Set(prices) if !prices.is_empty()));
        }
    }
}

impl ProductVariantWrite {
    /// What a new variant must have by the original's page.
    pub(super) fn check_new(&self, path: &str, faults: &mut Faults) {
        if !matches!(&self.prices, Patch::Set(prices) if !prices.is_empty()) {
            let field = format!("{path}.prices");
            faults.add(Code::Required, field.as_str(), format!("{field} is required in a new variant"));
        }
        if !matches!(&self.attribute, Patch::Set(attributes) if !attributes.is_empty()) {
            let field = format!("{path}.attribute");
            faults.add(Code::Required, field.as_str(), format!("{field} is required in a new variant"));
        }
    }
}

fn is_set<T>(patch: &Patch<T>) -> bool {
    matches!(patch, Patch::Set(_))
}

/// The length of a warranty, from digits or what is as good as digits (`12.0`).
pub(super) fn whole(text: &str) -> Option<i64> {
    let units = text.trim().parse::<Amount>().ok()?.units();
    (units % 10_000 == 0 && (0..=1_000_000_000).contains(&units)).then_some(units / 10_000)
}

fn not_negative(faults: &mut Faults, field: &str, amount: &Patch<Amount>) {
    if matches!(amount, Patch::Set(amount) if *amount < Amount::ZERO) {
        faults.add(Code::OutOfRange, field, format!("{field} must be 0 or more"));
    }
}

fn check_length(faults: &mut Faults, field: &str, length: usize) {
    if length > MOST_ITEMS {
        faults.add(Code::TooLong, field, format!("{field} may have {MOST_ITEMS} entries"));
    }
}

fn check_texts(faults: &mut Faults, field: &str, texts: &Patch<Texts>, longest: usize) {
    let Patch::Set(Texts(texts)) = texts else { return };
    check_length(faults, field, texts.len());
    for (index, text) in texts.iter().enumerate().take(MOST_ITEMS) {
        faults.longest(&format!("{field}[{index}]"), text, longest);
    }
}

/// Pictures are addresses that anyone can fetch.
fn check_images(faults: &mut Faults, field: &str, images: &Patch<Texts>) {
    check_texts(faults, field, images, 2000);
    let Patch::Set(Texts(images)) = images else { return };
    for (index, image) in images.iter().enumerate().take(MOST_ITEMS) {
        let image = image.trim();
        let is_web = reqwest::Url::parse(image).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !image.is_empty() && !is_web {
            let field = format!("{field}[{index}]");
            faults.add(
                Code::InvalidUrl,
                field.as_str(),
                format!("{field} must be an address that begins with https://"),
            );
        }
    }
}

fn check_prices(faults: &mut Faults, path: &str, prices: &Patch<Vec<ProductPriceWrite>>) {
    let Patch::Set(prices) = prices else { return };
    check_length(faults, &format!("{path}prices"), prices.len());
    for (index, price) in prices.iter().enumerate().take(MOST_ITEMS) {
        let path = format!("{path}prices[{index}]");
        faults.required(&format!("{path}.priceTierName"), &price.price_tier_name, 200);
        let amounts = [("regularPrice", Some(price.regular_price)), ("salePrice", price.sale_price)];
        for (name, amount) in amounts {
            if amount.is_some_and(|amount| amount < Amount::ZERO) {
                let field = format!("{path}.{name}");
                faults.add(Code::OutOfRange, field.as_str(), format!("{field} must be 0 or more"));
            }
        }
        for (name, rate) in [("vatValue", price.vat_value), ("vat", price.vat)] {
            if rate.is_some_and(|rate| !(0..=1_000_000).contains(&rate.units())) {
                let field = format!("{path}.{name}");
                faults.add(Code::OutOfRange, field.as_str(), format!("{field} must be a percentage from 0 to 100"));
            }
        }
    }
}
