//! Lists of every format, right and wrong ones.

use std::fs;

use proptest::prelude::*;

use super::*;

const AWS: &str = r#"{
  "syncToken": "1", "createDate": "2026-11-01-00-00-00",
  "prefixes": [
    {"ip_prefix": "52.16.0.0/15", "region": "eu-west-1", "service": "AMAZON",
     "network_border_group": "eu-west-1"},
    {"ip_prefix": "52.16.0.0/15", "region": "eu-west-1", "service": "EC2",
     "network_border_group": "eu-west-1"},
    {"ip_prefix": "15.220.16.0/24", "region": "us-east-1", "service": "EC2",
     "network_border_group": "us-east-1-lim-1"},
    {"ip_prefix": "15.221.0.0/24", "region": "us-east-1", "service": "EC2",
     "network_border_group": "us-east-1-new-1"},
    {"ip_prefix": "52.84.0.0/15", "region": "GLOBAL", "service": "CLOUDFRONT",
     "network_border_group": "GLOBAL"},
    {"ip_prefix": "52.84.0.0/15", "region": "GLOBAL", "service": "AMAZON",
     "network_border_group": "GLOBAL"},
    {"ip_prefix": "75.2.0.0/17", "region": "GLOBAL", "service": "GLOBALACCELERATOR",
     "network_border_group": "GLOBAL"},
    {"ip_prefix": "13.248.100.0/24", "region": "eu-west-1", "service": "GLOBALACCELERATOR",
     "network_border_group": "eu-west-1"}
  ],
  "ipv6_prefixes": [
    {"ipv6_prefix": "2a05:d018::/36", "region": "eu-west-1", "service": "EC2",
     "network_border_group": "eu-west-1"}
  ]
}"#;

const GOOGLE: &str = r#"{
  "syncToken": "1", "creationTime": "2026-11-01T00:00:00.0",
  "prefixes": [
    {"ipv4Prefix": "34.80.0.0/15", "service": "Google Cloud", "scope": "asia-east1"},
    {"ipv4Prefix": "34.110.128.0/17", "service": "Google Cloud", "scope": "global"},
    {"ipv6Prefix": "2600:1900:4010::/44", "service": "Google Cloud", "scope": "europe-west1"},
    {"ipv4Prefix": "34.0.0.0/9"}
  ]
}"#;

const AZURE: &str = r#"{
  "changeNumber": 7, "cloud": "Public",
  "values": [
    {"name": "AzureCloud", "id": "AzureCloud", "properties": {"region": "",
      "addressPrefixes": ["20.38.64.0/19", "40.74.0.0/18", "13.107.246.0/24"]}},
    {"name": "AzureCloud.germanywc", "id": "x", "properties": {"region": "germanywc",
      "addressPrefixes": ["20.38.64.0/19"]}},
    {"name": "AzureCloud.westeurope", "id": "x", "properties": {"region": "westeurope",
      "addressPrefixes": ["40.74.0.0/18", "2603:1020:200::/46"]}},
    {"name": "AzureFrontDoor.Frontend", "id": "x", "properties": {"region": "",
      "addressPrefixes": ["13.107.246.0/24"]}}
  ]
}"#;

const ORACLE: &str = r#"{"last_updated_timestamp": "2026-11-01T00:00:00.0", "regions": [
  {"region": "sa-bogota-1", "cidrs": [{"cidr": "129.148.0.0/20", "tags": ["OCI"]}]},
  {"region": "xx-nowhere-1", "cidrs": [{"cidr": "129.149.0.0/20", "tags": []}]}
]}"#;

const FASTLY: &str = r#"{"addresses": ["23.235.32.0\/20"], "ipv6_addresses": ["2a04:4e40::\/32"]}"#;

const CLOUDFLARE: &str = "173.245.48.0/20\n103.21.244.0/22\n";

const GEOFEED: &str = "\u{feff}# A feed\r\n\
    192.0.2.0/25,US,US-NJ,\"North Bergen, NJ\",07047\r\n\
    192.0.2.128/25,de,,Berlin,\r\n\
    \r\n\
    198.51.100.7,NL # one host\r\n\
    2001:db8::/32,,,,\r\n";

const OWN: &str = "# ours\n\
    Prefix, Provider, Kind, Region, Country\n\
    203.0.113.0/24,Alibaba Cloud,cloud,ap-southeast-3,\n\
    203.0.113.128/25,Branch,cloud,rack 7,SG\n\
    192.0.2.0/24,Everywhere,anycast,,\n";

const SAMPLES: [(&str, ListFormat); 8] = [
    (AWS, ListFormat::Aws),
    (GOOGLE, ListFormat::Google),
    (AZURE, ListFormat::Azure),
    (ORACLE, ListFormat::Oracle),
    (FASTLY, ListFormat::Fastly),
    (CLOUDFLARE, ListFormat::Cloudflare),
    (GEOFEED, ListFormat::Geofeed),
    (OWN, ListFormat::Csv),
];

fn open(texts: &[&str]) -> Result<Providers, ProvidersError> {
    let folder = tempfile::tempdir().unwrap();
    let paths = texts.iter().zip(1..).map(|(text, number)| {
        let path = folder.path().join(format!("list{number}.txt"));
        fs::write(&path, text).unwrap();
        path
    });
    Providers::open(&paths.collect::<Vec<_>>(), &[])
}

/// Name, kind, region and country of an address.
fn told(providers: &Providers, address: &str) -> String {
    let Some(found) = providers.look_up(address.parse().unwrap()) else {
        return "none".to_owned();
    };
    let region = found.region.as_deref().unwrap_or("-");
    let country = found
        .country
        .map_or("-".to_owned(), |code| code.to_string());
    format!("{} {} {region} {country}", found.name, found.kind)
}

#[track_caller]
fn check(list: &str, expected: &[(&str, &str)]) {
    let providers = open(&[list]).unwrap_or_else(|error| panic!("{error}"));
    for (address, text) in expected {
        assert_eq!(told(&providers, address), *text, "{address}");
    }
}

/// What is said of a list that cannot be used, behind its path.
#[track_caller]
fn refused(list: &str) -> String {
    let error = open(&[list]).unwrap_err().to_string();
    let (_, problem) = error.split_once("list1.txt`").unwrap();
    problem.to_owned()
}

#[test]
fn formats_are_told_by_content() {
    for (text, format) in SAMPLES {
        let providers = open(&[text]).unwrap_or_else(|error| panic!("{format}: {error}"));
        let [list] = providers.lists() else {
            panic!("one list")
        };
        assert_eq!(list.format, format);
        assert!(list.prefixes > 0 && list.source.ends_with("list1.txt"));
    }
}

#[test]
fn aws_tells_zones_caches_and_accelerators_apart() {
    check(
        AWS,
        &[
            ("52.17.1.1", "AWS cloud eu-west-1 IE"),
            ("2a05:d018::1", "AWS cloud eu-west-1 IE"),
            ("15.220.16.9", "AWS cloud us-east-1-lim-1 PE"),
            ("15.221.0.9", "AWS cloud us-east-1-new-1 -"),
            ("52.85.0.1", "AWS cdn - -"),
            ("75.2.1.1", "AWS anycast - -"),
            ("13.248.100.1", "AWS cloud eu-west-1 -"),
            ("52.18.0.0", "none"),
            // A NAT64 and a 6to4 address of the first one.
            ("64:ff9b::3411:101", "AWS cloud eu-west-1 IE"),
            ("2002:3411:101::1", "AWS cloud eu-west-1 IE"),
            ("::ffff:52.17.1.1", "AWS cloud eu-west-1 IE"),
        ],
    );
}

#[test]
fn google_azure_oracle_and_fastly_are_read() {
    check(
        GOOGLE,
        &[
            ("34.81.0.1", "Google Cloud cloud asia-east1 TW"),
            ("34.110.128.1", "Google Cloud anycast - -"),
            ("2600:1900:4010::1", "Google Cloud cloud europe-west1 BE"),
            ("34.1.0.0", "list1 cloud - -"),
        ],
    );
    check(
        AZURE,
        &[
            ("20.38.64.1", "Azure cloud germanywc DE"),
            ("40.74.1.1", "Azure cloud westeurope NL"),
            ("2603:1020:200::1", "Azure cloud westeurope NL"),
            ("13.107.246.1", "Azure cdn - -"),
        ],
    );
    check(
        ORACLE,
        &[
            ("129.148.1.1", "Oracle Cloud cloud sa-bogota-1 CO"),
            ("129.149.1.1", "Oracle Cloud cloud xx-nowhere-1 -"),
        ],
    );
    check(
        FASTLY,
        &[
            ("23.235.33.1", "Fastly cdn - -"),
            ("2a04:4e40::1", "Fastly cdn - -"),
        ],
    );
}

#[test]
fn text_lists_are_read() {
    check(CLOUDFLARE, &[("103.21.245.1", "Cloudflare cdn - -")]);
    check(
        GEOFEED,
        &[
            ("192.0.2.1", "list1 feed US-NJ US"),
            ("192.0.2.200", "list1 feed Berlin DE"),
            ("198.51.100.7", "list1 feed - NL"),
            ("198.51.100.8", "none"),
            ("2001:db8::1", "list1 feed - -"),
        ],
    );
    check(
        OWN,
        &[
            ("203.0.113.1", "Alibaba Cloud cloud ap-southeast-3 MY"),
            ("203.0.113.200", "Branch cloud rack 7 SG"),
            ("192.0.2.1", "Everywhere anycast - -"),
        ],
    );
}

#[test]
fn later_lists_outrank_earlier_ones_and_longer_prefixes_all() {
    let list = |rows: &str| format!("prefix,provider,kind,region,country\n{rows}");
    let first = list("192.0.2.0/24,First,anycast,,\n192.0.2.0/28,Longer,cloud,,DE\n");
    let second = list("192.0.2.0/24,Second,cloud,,FR\n");
    let providers = open(&[&first, &second]).unwrap();
    assert_eq!(told(&providers, "192.0.2.99"), "Second cloud - FR");
    assert_eq!(told(&providers, "192.0.2.1"), "Longer cloud - DE");
    let counts: Vec<_> = providers.lists().iter().map(|list| list.prefixes).collect();
    assert_eq!(counts, [2, 0]);
    let providers = open(&[&second, &first]).unwrap();
    assert_eq!(told(&providers, "192.0.2.99"), "First anycast - -");
}

#[test]
fn a_list_that_contradicts_itself_has_no_country() {
    let row = |kind, code| format!("192.0.2.0/24,Cumulus,{kind},here,{code}\n");
    for (kinds, codes, expected) in [
        ("cloud cloud", "DE DE", "cloud here DE"),
        ("cloud cloud cloud", "DE FR DE", "cloud - -"),
        ("cloud feed cdn cloud", "DE DE DE DE", "cdn here DE"),
        ("anycast cdn", "DE DE", "anycast here DE"),
    ] {
        let pairs = kinds.split(' ').zip(codes.split(' '));
        let rows: String = pairs.map(|(kind, code)| row(kind, code)).collect();
        check(
            &format!("prefix,provider,kind,region,country\n{rows}"),
            &[("192.0.2.1", &format!("Cumulus {expected}"))],
        );
    }
}

#[test]
fn errors_say_where() {
    let damaged = |sample: &str, from: &str, to: &str| {
        assert!(sample.contains(from));
        refused(&sample.replacen(from, to, 1))
    };
    let no_prefix =
        |place: &str, text: &str| format!(", {place}: `{text}` is no prefix such as 192.0.2.0/24");
    assert_eq!(
        damaged(AWS, "15.220.16.0/24", "15.220.16.0/33"),
        no_prefix("prefixes[2].ip_prefix", "15.220.16.0/33")
    );
    assert_eq!(
        damaged(AWS, "2a05:d018::/36", "x"),
        no_prefix("ipv6_prefixes[0].ipv6_prefix", "x")
    );
    assert_eq!(
        damaged(GOOGLE, "34.110.128.0/17", ""),
        no_prefix("prefixes[1].ipv4Prefix", "")
    );
    assert_eq!(
        damaged(AZURE, "2603:1020:200::/46", "a\\nb"),
        no_prefix("values[2].properties.addressPrefixes[1]", "a\\nb")
    );
    assert_eq!(
        damaged(ORACLE, "\"cidr\": \"129.149", "\"cider\": \"129.149"),
        ", regions[1].cidrs[0]: there is no `cidr`: fetch the list again"
    );
    assert_eq!(
        damaged(FASTLY, "2a04:4e40::\\/32", "?"),
        no_prefix("ipv6_addresses[0]", "?")
    );
    assert_eq!(
        damaged(CLOUDFLARE, "103.21.244.0/22", "103.21.244.0/22 x"),
        no_prefix("line 2", "103.21.244.0/22 x")
    );
    assert_eq!(
        damaged(GEOFEED, ",de,", ",UK,"),
        ", line 3: `UK` is no country: use a code of ISO 3166-1 such as SG, or none"
    );
    assert_eq!(
        damaged(OWN, "Branch,cloud", "Branch,clouds"),
        ", line 4: the kind is none of feed, cloud, cdn and anycast"
    );
    assert_eq!(
        damaged(OWN, ",rack 7,SG", ",rack 7"),
        ", line 4: there are 4 cells in place of 5: prefix,provider,kind,region,country"
    );
    assert_eq!(
        damaged(OWN, "203.0.113.0/24", "0.0.0.0/0"),
        ", line 3: 0.0.0.0/0 is too large for one provider: it has less than 8 bits"
    );
}

#[test]
fn what_is_no_list_is_refused() {
    let cut = refused(&AWS[..AWS.len() - 9]);
    assert!(
        cut.starts_with(" is no JSON of a provider, or is cut short: EOF"),
        "{cut}"
    );
    assert!(cut.contains("at line 2"), "{cut}");
    for (text, expected) in [
        ("", " is empty"),
        (" \n", " is empty"),
        ("{}", " is JSON of an unknown form: to be read are"),
        ("[]", " begins in line 1 with no prefix: to be read are"),
        (
            "<html>\n",
            " begins in line 1 with no prefix: to be read are",
        ),
        ("# nothing\n", " holds no prefix"),
        ("prefix,provider,kind,region,country\n", " holds no prefix"),
        (r#"{"prefixes": []}"#, " holds no prefix"),
        (r#"{"values": [{"properties": {}}]}"#, " holds no prefix"),
        (
            r#"{"values": [{}]}"#,
            ", values[0]: there is no `properties`",
        ),
        (
            r#"{"prefixes": [{}]}"#,
            ", prefixes[0]: there is no `ipv4Prefix` or `ipv6Prefix`",
        ),
        (
            r#"{"prefixes": {}}"#,
            " is no JSON of a provider, or is cut short: invalid type: map",
        ),
        ("192.0.2.0/24\n", " has prefixes that are not of Cloudflare"),
    ] {
        let problem = refused(text);
        assert!(problem.starts_with(expected), "{text:?}: {problem}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = |path: PathBuf| Providers::open(&[path], &[]).unwrap_err().to_string();
    assert!(error(folder.path().join("none")).contains("there is no file"));
    assert!(error(folder.path().to_owned()).contains("is not a regular file"));
    let large = folder.path().join("large");
    let file = fs::File::create(&large).unwrap();
    file.set_len(LIST_BYTES_MAX + 1).unwrap();
    assert!(error(large).contains("has more than 33554432 bytes"));
    let binary = folder.path().join("binary");
    fs::write(&binary, [b'a', 0xff]).unwrap();
    assert!(error(binary).contains("is neither JSON nor text"));
}

#[test]
fn prefixes_and_entries_are_bounded() {
    let rows = (0..=LIST_PREFIXES_MAX).map(|number| {
        let [_, a, b, c] = (number as u32).to_be_bytes();
        format!("10.{a}.{b}.{c}\n")
    });
    let list: String = std::iter::once("173.245.48.0/20\n".to_owned())
        .chain(rows)
        .collect();
    let problem = refused(&list);
    assert!(
        problem.ends_with("all lists together have more than 500000 prefixes: name fewer"),
        "{problem}"
    );
    let list = format!(
        r#"{{"prefixes": [{}{{}}]}}"#,
        "{},".repeat(LIST_PREFIXES_MAX)
    );
    assert!(refused(&list).contains("an array of more than 500000 entries"));
    // Fields that nobody asks for are skipped without a call for each level.
    let levels = 1 << 20;
    let (open, close) = ("[".repeat(levels), "]".repeat(levels));
    let problem = refused(&format!(r#"{{"other": {open}{close}}}"#));
    assert!(
        problem.starts_with(" is JSON of an unknown form"),
        "{problem}"
    );
    let problem = refused(&format!(r#"{{"addresses": {open}{close}}}"#));
    assert!(problem.contains("invalid type: sequence"), "{problem}");
}

#[test]
fn names_are_cut_and_cleaned() {
    let long = "x".repeat(1_000);
    let list = format!(
        r#"{{"regions": [{{"region": "a\u0007b{long}", "cidrs": [{{"cidr": "192.0.2.0/24"}}]}}]}}"#
    );
    let providers = open(&[&list]).unwrap();
    let found = providers.look_up("192.0.2.1".parse().unwrap()).unwrap();
    let region = found.region.as_deref().unwrap();
    assert!(region.starts_with("abx") && region.len() == 128, "{region}");
}

#[test]
fn shipped_lists_are_sound() {
    let providers = Providers::open(&[], SHIPPED_LISTS).unwrap();
    let counts: Vec<_> = providers.lists().iter().map(|list| list.prefixes).collect();
    assert_eq!(counts, [43, 47]);
    assert!(providers.known.iter().all(|one| one.country.is_none()));
    for (address, expected) in [
        ("1.1.1.1", "Cloudflare DNS anycast - -"),
        ("8.8.4.4", "Google Public DNS anycast - -"),
        ("2620:fe::fe", "Quad9 anycast - -"),
        ("104.16.1.1", "Cloudflare cdn - -"),
        ("2606:4700:4700::1111", "Cloudflare DNS anycast - -"),
        ("2606:4700::1", "Cloudflare cdn - -"),
        ("151.101.1.140", "Fastly cdn - -"),
        ("8.8.9.9", "none"),
        ("223.5.5.5", "none"),
    ] {
        assert_eq!(told(&providers, address), expected, "{address}");
    }
    let roots = "198.41.0.4 170.247.170.2 192.33.4.12 199.7.91.13 192.203.230.10 192.5.5.241 \
        192.112.36.4 198.97.190.53 192.36.148.17 192.58.128.30 193.0.14.129 199.7.83.42 \
        202.12.27.33 2001:503:ba3e::2:30 2801:1b8:10::b 2001:500:2::c 2001:500:2d::d \
        2001:500:a8::e 2001:500:2f::f 2001:500:12::d0d 2001:500:1::53 2001:7fe::53 \
        2001:503:c27::2:30 2001:7fd::1 2001:500:9f::42 2001:dc3::35";
    for (address, letter) in roots.split_whitespace().zip(('A'..='M').chain('A'..='M')) {
        let expected = format!("DNS root {letter} anycast - -");
        assert_eq!(told(&providers, address), expected, "{address}");
    }
}

#[test]
fn no_list_is_no_provider() {
    let providers = Providers::open(&[], &[]).unwrap();
    assert_eq!(told(&providers, "1.1.1.1"), "none");
    assert!(providers.lists().is_empty());
}

/// Reads bytes as a list and looks some addresses up in it.
fn survives(bytes: &[u8]) {
    let mut gathered = Gathered::default();
    gathered.begin();
    if format::read(bytes, "any", &mut gathered).is_ok() {
        let (known, slots) = gathered.finish();
        let slot = slots.longest("52.17.1.1".parse().unwrap());
        assert!(slot.is_none_or(|slot| slot.provider() < known.len()));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        survives(&bytes);
    }

    #[test]
    fn damaged_lists_are_read_without_a_panic(
        which in 0..SAMPLES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length: prop::sample::Index,
    ) {
        let mut bytes = SAMPLES[which].0.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        survives(&bytes);
        bytes.truncate(length.index(bytes.len()));
        survives(&bytes);
    }

    #[test]
    fn own_lists_are_found_again(
        rows in prop::collection::vec((any::<u32>(), 8u8..=32, 0..4usize), 1..40),
    ) {
        let kinds = ProviderKind::ALL;
        let mut list = "prefix,provider,kind,region,country\n".to_owned();
        for (number, (bits, length, kind)) in rows.iter().enumerate() {
            let address = std::net::Ipv4Addr::from_bits(*bits);
            list += &format!("{address}/{length},P{number},{},,\n", kinds[*kind]);
        }
        let mut gathered = Gathered::default();
        gathered.begin();
        format::read(list.as_bytes(), "any", &mut gathered).unwrap();
        let (known, slots) = gathered.finish();
        for (bits, length, _) in &rows {
            let address = std::net::Ipv4Addr::from_bits(*bits).into();
            let slot = slots.longest(address).unwrap();
            let name = known[slot.provider()].name.trim_start_matches('P');
            let found = rows[name.parse::<usize>().unwrap()];
            // As long a prefix as the row's own, and one that holds the address.
            prop_assert!(found.1 >= *length);
            prop_assert!((found.0 ^ bits).leading_zeros() >= u32::from(found.1));
        }
    }
}
