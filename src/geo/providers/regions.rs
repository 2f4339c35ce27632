//! In which countries the regions of clouds are.
//!
//! Facts of 2026-11, from the providers' own pages and libraries. A region that is not here has
//! no country: a wrong one would dispute a right database. Hong Kong and Taiwan have codes of
//! their own, as everywhere in this stage.

use super::Country;

/// A cloud whose regions are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cloud {
    Aws,
    Azure,
    Google,
    Oracle,
    Alibaba,
    Tencent,
}

impl Cloud {
    const ALL: [Self; 6] = [
        Self::Aws,
        Self::Azure,
        Self::Google,
        Self::Oracle,
        Self::Alibaba,
        Self::Tencent,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "Azure",
            Self::Google => "Google Cloud",
            Self::Oracle => "Oracle Cloud",
            Self::Alibaba => "Alibaba Cloud",
            Self::Tencent => "Tencent Cloud",
        }
    }

    /// The cloud that a person may write in other letters.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|cloud| cloud.name().eq_ignore_ascii_case(name))
    }

    const fn table(self) -> Table {
        match self {
            Self::Aws => AWS,
            Self::Azure => AZURE,
            Self::Google => GOOGLE,
            Self::Oracle => ORACLE,
            Self::Alibaba => ALIBABA,
            Self::Tencent => TENCENT,
        }
    }
}

/// The country of a region of a cloud, where it is known.
pub(super) fn country(cloud: Cloud, region: &str) -> Option<Country> {
    let has = |names: &str| {
        let mut names = names.split_ascii_whitespace();
        names.any(|name| name.eq_ignore_ascii_case(region))
    };
    let (code, _) = cloud.table().iter().find(|(_, names)| has(names))?;
    Country::from_code(code)
}

/// Countries, each with its regions.
type Table = &'static [(&'static str, &'static str)];

/// Regions, then local zones by their border groups, some of which lie in another country than
/// their region: `us-east-1-lim-1` is in Lima.
const AWS: Table = &[
    ("AE", "me-central-1"),
    ("AU", "ap-southeast-2 ap-southeast-4"),
    ("BH", "me-south-1"),
    ("BR", "sa-east-1"),
    ("CA", "ca-central-1 ca-west-1"),
    ("CH", "eu-central-2"),
    ("CN", "cn-north-1 cn-northwest-1"),
    ("DE", "eu-central-1 eusc-de-east-1"),
    ("ES", "eu-south-2"),
    ("FR", "eu-west-3"),
    ("GB", "eu-west-2"),
    ("HK", "ap-east-1"),
    ("ID", "ap-southeast-3"),
    ("IE", "eu-west-1"),
    ("IL", "il-central-1"),
    ("IN", "ap-south-1 ap-south-2"),
    ("IT", "eu-south-1"),
    ("JP", "ap-northeast-1 ap-northeast-3"),
    ("KR", "ap-northeast-2"),
    ("MX", "mx-central-1"),
    ("MY", "ap-southeast-5"),
    ("NZ", "ap-southeast-6"),
    ("SE", "eu-north-1"),
    ("SG", "ap-southeast-1"),
    ("TH", "ap-southeast-7"),
    ("TW", "ap-east-2"),
    (
        "US",
        "us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1",
    ),
    ("ZA", "af-south-1"),
    ("AR", "us-east-1-bue-1"),
    ("AU", "ap-southeast-2-per-1"),
    ("CL", "us-east-1-scl-1"),
    ("DE", "eu-central-1-ham-1"),
    ("DK", "eu-north-1-cph-1"),
    ("FI", "eu-north-1-hel-1"),
    ("IN", "ap-south-1-ccu-1 ap-south-1-del-1"),
    ("MX", "us-east-1-qro-1"),
    ("NG", "af-south-1-los-1"),
    ("NZ", "ap-southeast-2-akl-1"),
    ("OM", "me-south-1-mct-1"),
    ("PE", "us-east-1-lim-1"),
    ("PH", "ap-southeast-1-mnl-1"),
    ("PL", "eu-central-1-waw-1"),
    ("TH", "ap-southeast-1-bkk-1"),
    ("TR", "eu-central-1-ist-1"),
    ("TW", "ap-northeast-1-tpe-1"),
    (
        "US",
        "us-east-1-atl-1 us-east-1-atl-2 us-east-1-bos-1 us-east-1-chi-1 us-east-1-chi-2 \
         us-east-1-dfw-1 us-east-1-dfw-2 us-east-1-iah-1 us-east-1-iah-2 us-east-1-mci-1 \
         us-east-1-mia-1 us-east-1-mia-2 us-east-1-msp-1 us-east-1-nyc-1 us-east-1-nyc-2 \
         us-east-1-phl-1 us-west-2-den-1 us-west-2-hnl-1 us-west-2-las-1 us-west-2-lax-1 \
         us-west-2-pdx-1 us-west-2-phx-1 us-west-2-phx-2 us-west-2-sea-1",
    ),
];

/// Service tags have other names of some regions, as `germanywc`; those are here too.
const AZURE: Table = &[
    ("AE", "uaecentral uaenorth"),
    ("AT", "austriaeast"),
    (
        "AU",
        "australiacentral australiacentral2 australiaeast australiasoutheast",
    ),
    ("BE", "belgiumcentral"),
    ("BR", "brazilsouth brazilsoutheast"),
    ("CA", "canadacentral canadaeast"),
    (
        "CH",
        "switzerlandnorth switzerlandn switzerlandwest switzerlandw",
    ),
    ("CL", "chilecentral"),
    (
        "CN",
        "chinaeast chinaeast2 chinaeast3 chinanorth chinanorth2 chinanorth3",
    ),
    ("DE", "germanynorth germanyn germanywestcentral germanywc"),
    ("DK", "denmarkeast"),
    ("ES", "spaincentral"),
    ("FR", "francecentral centralfrance francesouth southfrance"),
    ("GB", "uksouth ukwest"),
    ("HK", "eastasia"),
    ("ID", "indonesiacentral"),
    ("IE", "northeurope"),
    ("IL", "israelcentral"),
    (
        "IN",
        "centralindia southindia westindia jioindiacentral jioindiawest",
    ),
    ("IT", "italynorth"),
    ("JP", "japaneast japanwest"),
    ("KR", "koreacentral koreasouth"),
    ("MX", "mexicocentral"),
    ("MY", "malaysiawest"),
    ("NL", "westeurope"),
    ("NO", "norwayeast norwaye norwaywest norwayw"),
    ("NZ", "newzealandnorth"),
    ("PL", "polandcentral"),
    ("QA", "qatarcentral"),
    ("SE", "swedencentral swedensouth"),
    ("SG", "southeastasia"),
    (
        "US",
        "centralus eastus eastus2 northcentralus southcentralus westcentralus westus westus2 \
         westus3 usgovarizona usgovtexas usgovvirginia usdodcentral usdodeast",
    ),
    ("ZA", "southafricanorth southafricawest"),
];

const GOOGLE: Table = &[
    ("AU", "australia-southeast1 australia-southeast2"),
    ("BE", "europe-west1"),
    ("BR", "southamerica-east1"),
    ("CA", "northamerica-northeast1 northamerica-northeast2"),
    ("CH", "europe-west6"),
    ("CL", "southamerica-west1"),
    ("DE", "europe-west3 europe-west10"),
    ("ES", "europe-southwest1"),
    ("FI", "europe-north1"),
    ("FR", "europe-west9"),
    ("GB", "europe-west2"),
    ("HK", "asia-east2"),
    ("ID", "asia-southeast2"),
    ("IL", "me-west1"),
    ("IN", "asia-south1 asia-south2"),
    ("IT", "europe-west8 europe-west12"),
    ("JP", "asia-northeast1 asia-northeast2"),
    ("KR", "asia-northeast3"),
    ("MX", "northamerica-south1"),
    ("NL", "europe-west4"),
    ("PL", "europe-central2"),
    ("QA", "me-central1"),
    ("SA", "me-central2"),
    ("SE", "europe-north2"),
    ("SG", "asia-southeast1"),
    ("TH", "asia-southeast3"),
    ("TW", "asia-east1"),
    (
        "US",
        "us-central1 us-east1 us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4",
    ),
    ("ZA", "africa-south1"),
];

const ORACLE: Table = &[
    ("AE", "me-abudhabi-1 me-dubai-1"),
    ("AU", "ap-melbourne-1 ap-sydney-1"),
    ("BR", "sa-saopaulo-1 sa-vinhedo-1"),
    ("CA", "ca-montreal-1 ca-toronto-1"),
    ("CH", "eu-zurich-1"),
    ("CL", "sa-santiago-1 sa-valparaiso-1"),
    ("CO", "sa-bogota-1"),
    ("DE", "eu-frankfurt-1"),
    ("ES", "eu-madrid-1 eu-madrid-3"),
    ("FR", "eu-marseille-1 eu-paris-1"),
    (
        "GB",
        "uk-cardiff-1 uk-london-1 uk-gov-cardiff-1 uk-gov-london-1",
    ),
    ("ID", "ap-batam-1"),
    ("IL", "il-jerusalem-1"),
    ("IN", "ap-hyderabad-1 ap-mumbai-1"),
    ("IT", "eu-milan-1 eu-turin-1"),
    ("JP", "ap-osaka-1 ap-tokyo-1"),
    ("KR", "ap-chuncheon-1 ap-seoul-1"),
    ("MA", "af-casablanca-1"),
    ("MX", "mx-monterrey-1 mx-queretaro-1"),
    ("MY", "ap-kulai-2"),
    ("NL", "eu-amsterdam-1"),
    ("RS", "eu-jovanovac-1"),
    ("SA", "me-jeddah-1 me-riyadh-1"),
    ("SE", "eu-stockholm-1"),
    ("SG", "ap-singapore-1 ap-singapore-2"),
    (
        "US",
        "us-ashburn-1 us-chicago-1 us-phoenix-1 us-sanjose-1 us-saltlake-2 us-langley-1 \
         us-luke-1 us-gov-ashburn-1 us-gov-chicago-1 us-gov-phoenix-1",
    ),
    ("ZA", "af-johannesburg-1"),
];

const ALIBABA: Table = &[
    ("AE", "me-east-1"),
    ("AU", "ap-southeast-2"),
    (
        "CN",
        "cn-beijing cn-chengdu cn-fuzhou cn-guangzhou cn-hangzhou cn-heyuan cn-huhehaote \
         cn-nanjing cn-qingdao cn-shanghai cn-shenzhen cn-wuhan-lr cn-wulanchabu cn-zhangjiakou",
    ),
    ("DE", "eu-central-1"),
    ("GB", "eu-west-1"),
    ("HK", "cn-hongkong"),
    ("ID", "ap-southeast-5"),
    ("JP", "ap-northeast-1"),
    ("KR", "ap-northeast-2"),
    ("MY", "ap-southeast-3"),
    ("PH", "ap-southeast-6"),
    ("SA", "me-central-1"),
    ("SG", "ap-southeast-1"),
    ("TH", "ap-southeast-7"),
    ("US", "us-east-1 us-west-1"),
];

const TENCENT: Table = &[
    ("BR", "sa-saopaulo"),
    ("CA", "na-toronto"),
    (
        "CN",
        "ap-beijing ap-chengdu ap-chongqing ap-guangzhou ap-nanjing ap-shanghai",
    ),
    ("DE", "eu-frankfurt"),
    ("HK", "ap-hongkong"),
    ("ID", "ap-jakarta"),
    ("IN", "ap-mumbai"),
    ("JP", "ap-tokyo"),
    ("KR", "ap-seoul"),
    ("RU", "eu-moscow"),
    ("SG", "ap-singapore"),
    ("TH", "ap-bangkok"),
    ("US", "na-ashburn na-siliconvalley"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_hold_countries_and_each_region_once() {
        for cloud in Cloud::ALL {
            let mut regions = Vec::new();
            for (code, names) in cloud.table() {
                assert!(Country::from_person(code).is_ok(), "{code}");
                regions.extend(names.split_ascii_whitespace());
            }
            let count = regions.len();
            regions.sort_unstable();
            regions.dedup();
            assert_eq!(regions.len(), count, "{}", cloud.name());
            assert_eq!(Cloud::from_name(cloud.name()), Some(cloud));
        }
    }

    #[test]
    fn one_name_is_two_places_in_two_clouds() {
        let code = |cloud, region| country(cloud, region).map(|found| found.to_string());
        for (cloud, region, expected) in [
            (Cloud::Aws, "eu-west-1", Some("IE")),
            (Cloud::Alibaba, "eu-west-1", Some("GB")),
            (Cloud::Aws, "ap-southeast-3", Some("ID")),
            (Cloud::Alibaba, "ap-southeast-3", Some("MY")),
            (Cloud::Aws, "us-east-1-lim-1", Some("PE")),
            (Cloud::Aws, "us-east-1-xyz-1", None),
            (Cloud::Azure, "WestEurope", Some("NL")),
            (Cloud::Azure, "germanywc", Some("DE")),
            (Cloud::Google, "asia-east2", Some("HK")),
            (Cloud::Google, "asia-east", None),
            (Cloud::Oracle, "sa-bogota-1", Some("CO")),
            (Cloud::Tencent, "ap-hongkong", Some("HK")),
            (Cloud::Tencent, "", None),
        ] {
            assert_eq!(code(cloud, region).as_deref(), expected, "{region}");
        }
    }
}
