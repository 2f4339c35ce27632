//! What the other sources say to a country that a database found.

use super::super::Confidence;
use super::{Country, Provider, ProviderKind};

/// What one source says to a country. The later in this list is the stronger, and of all
/// sources the strongest counts, so that their order does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opinion {
    /// Nothing.
    Silent,
    /// A second database has the same country.
    Same,
    /// The network is registered in another country. That is no contradiction: networks are
    /// used abroad. It outweighs a second database, which may have copied the first.
    RegisteredElsewhere,
    /// The provider has it in a region of this country, which is why it may well be registered
    /// elsewhere.
    InRegion,
    /// It answers from many places, so one country is one of many.
    Spread,
    /// Another source has another country.
    Differs,
}

impl Opinion {
    /// How sure a country is that one database found, where this is the strongest opinion.
    pub const fn confidence(self) -> Confidence {
        match self {
            Self::Differs => Confidence::Disputed,
            Self::Silent | Self::Spread | Self::RegisteredElsewhere => Confidence::Plausible,
            Self::Same | Self::InRegion => Confidence::Confirmed,
        }
    }
}

/// What the provider of an address says to the country in which a database has it.
pub fn opinion(located: Country, provider: Option<&Provider>) -> Opinion {
    let Some(provider) = provider.filter(|_| !located.is_unknown()) else {
        return Opinion::Silent;
    };
    match (provider.kind, provider.country) {
        (ProviderKind::Anycast | ProviderKind::Cdn, _) => Opinion::Spread,
        (_, None) => Opinion::Silent,
        (_, Some(country)) if country != located => Opinion::Differs,
        (ProviderKind::Cloud, _) => Opinion::InRegion,
        // Databases take feeds over, so that their agreement says little.
        (ProviderKind::Feed, _) => Opinion::Silent,
    }
}

/// The opinion of a provider as a sentence, where it has one.
pub fn reason(located: Country, provider: &Provider) -> Option<String> {
    let Provider {
        name,
        kind,
        region,
        country,
    } = provider;
    let region = region.as_deref().unwrap_or("a region");
    match (opinion(located, Some(provider)), country) {
        (Opinion::Spread, _) => Some(format!("{name}, {kind}: answers from many places.")),
        (Opinion::InRegion, _) => Some(format!("{name} has it in {region}, {located}.")),
        (Opinion::Differs, Some(country)) => Some(format!(
            "The database has it in {located}, {name} in {region}, {country}."
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        Country::from_code(code).unwrap()
    }

    fn provider(kind: ProviderKind, region: Option<&str>, code: Option<&str>) -> Provider {
        Provider {
            name: "Cumulus".into(),
            kind,
            region: region.map(Into::into),
            country: code.map(country),
        }
    }

    #[test]
    fn each_kind_has_its_say() {
        use ProviderKind::{Anycast, Cdn, Cloud, Feed};
        let says = |kind, code| opinion(country("IE"), Some(&provider(kind, None, code)));
        for (kind, nowhere, same, other) in [
            (Anycast, Opinion::Spread, Opinion::Spread, Opinion::Spread),
            (Cdn, Opinion::Spread, Opinion::Spread, Opinion::Spread),
            (Cloud, Opinion::Silent, Opinion::InRegion, Opinion::Differs),
            (Feed, Opinion::Silent, Opinion::Silent, Opinion::Differs),
        ] {
            assert_eq!(says(kind, None), nowhere, "{kind}");
            assert_eq!(says(kind, Some("IE")), same, "{kind}");
            assert_eq!(says(kind, Some("US")), other, "{kind}");
            let of = provider(kind, None, Some("IE"));
            assert_eq!(opinion(Country::UNKNOWN, Some(&of)), Opinion::Silent);
            assert_eq!(reason(Country::UNKNOWN, &of), None);
        }
        assert_eq!(opinion(country("IE"), None), Opinion::Silent);
    }

    #[test]
    fn the_strongest_opinion_counts() {
        let sure = |opinions: &[Opinion]| opinions.iter().max().unwrap().confidence();
        let (same, elsewhere) = (Opinion::Same, Opinion::RegisteredElsewhere);
        assert_eq!(sure(&[Opinion::Silent]), Confidence::Plausible);
        assert_eq!(sure(&[same, Opinion::Silent]), Confidence::Confirmed);
        assert_eq!(sure(&[same, elsewhere]), Confidence::Plausible);
        assert_eq!(sure(&[elsewhere, Opinion::InRegion]), Confidence::Confirmed);
        assert_eq!(sure(&[same, Opinion::Spread]), Confidence::Plausible);
        // What is in doubt stays so, whoever agrees.
        for other in [same, elsewhere, Opinion::InRegion, Opinion::Spread] {
            assert_eq!(sure(&[other, Opinion::Differs]), Confidence::Disputed);
            assert_eq!(sure(&[Opinion::Differs, other]), Confidence::Disputed);
        }
    }

    #[test]
    fn reasons_are_sentences() {
        let told = |of: Provider| reason(country("US"), &of);
        assert_eq!(
            told(provider(ProviderKind::Anycast, None, None)).unwrap(),
            "Cumulus, anycast: answers from many places."
        );
        let region = Some("eu-west-1");
        assert_eq!(
            told(provider(ProviderKind::Cloud, region, Some("IE"))).unwrap(),
            "The database has it in US, Cumulus in eu-west-1, IE."
        );
        assert_eq!(
            told(provider(ProviderKind::Cloud, Some("us-east-1"), Some("US"))).unwrap(),
            "Cumulus has it in us-east-1, US."
        );
        assert_eq!(
            told(provider(ProviderKind::Feed, None, Some("IE"))).unwrap(),
            "The database has it in US, Cumulus in a region, IE."
        );
        assert_eq!(told(provider(ProviderKind::Cloud, region, None)), None);
        assert_eq!(told(provider(ProviderKind::Feed, None, Some("US"))), None);
    }
}
