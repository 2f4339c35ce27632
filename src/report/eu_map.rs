//! R5: the map of transfers to third countries, and the column of GDPR article 30.

use std::collections::{BTreeMap, BTreeSet};

use super::common::{Content, Context};
use super::flows::{Flow, Key};
use super::model::{Block, Cell, ColumnKind, Figure, Table, Tone};
use super::number;
use super::places::{self, EEA};
use super::tables::{autonomous_system, unprotected};
use super::verdicts::Judgement;
use super::words::{self, PERSONAL, ROUTES};

/// What the names of the packs begin with whose verdicts belong here.
const PACK: &str = "eu-";

impl Context<'_> {
    pub(super) fn eu_map(&self) -> Content {
        let third = self.facts.flows.by(|key, _| key.jurisdiction.clone());
        let third = third.iter().filter(|(code, _)| !is_eea(code));
        let (bytes, countries) = third.fold((0_u64, 0_u64), |(bytes, count), (code, flow)| {
            let is_known = code != places::UNKNOWN;
            (
                bytes.saturating_add(flow.bytes),
                count + u64::from(is_known),
            )
        });
        let column = vec![
            Block::Table(self.article_30_table()),
            self.paragraph(
                "What a pack says of a destination is its reading of the decisions that it lists, \
                 at its version. Adequacy for some recipients only, as in the United States and \
                 Canada, can never be told from a country code.",
                "规则包对目的地的说明，以该版本所列决定为准。仅适用于部分接收方的充分性认定（如美国、\
                 加拿大）不能由国家代码得出。",
            ),
        ];
        let personal = vec![
            Block::Table(self.exposed_personal_table()),
            Block::Table(self.incident_table()),
            self.blank(
                "Article 33(3): nature of a breach, likely consequences, measures taken",
                "第 33 条第 3 款：泄露的性质、可能后果、已采取的措施",
            ),
        ];
        let (window, text) = (self.window_words(), self.bytes_words(bytes));
        let places = number::of(countries, "country");
        Content {
            lead: self.language.pick(
                format!(
                    "{window} {text} went to {places} outside the European \
                     Economic Area. Which of it was personal data is known only as far as \
                     assets declare it."
                ),
                format!(
                    "{window}，{text} 流向欧洲经济区以外的 {countries} 个国家/地区。其中哪些属于\
                     个人数据，仅以资产的申报为准。"
                ),
            ),
            figures: self.eu_figures(bytes, countries),
            sections: vec![
                self.section("map", "1  Map of transfers", "一、传输路径", self.map()),
                self.section(
                    "article_30",
                    "2  Article 30(1)(e)",
                    "二、第 30 条第 1 款(e)项",
                    column,
                ),
                self.section(
                    "article_32",
                    "3  Articles 32 and 33",
                    "三、第 32 条与第 33 条",
                    personal,
                ),
                self.section(
                    "findings",
                    "4  Findings",
                    "四、规则包提示",
                    vec![Block::Table(
                        self.finding_table(|pack| pack.starts_with(PACK)),
                    )],
                ),
            ],
            main_table: "transfer_map",
        }
    }

    fn map(&self) -> Vec<Block> {
        vec![
            self.paragraph(
                "Step one of EDPB Recommendations 01/2020: know your transfers. Each row is an \
                 asset and a recipient outside the European Economic Area. Access from a third \
                 country to data held here is a transfer too, and is counted by its answers.",
                "欧洲数据保护委员会第 01/2020 号建议的第一步：了解自身的传输。每行为一个资产与一个\
                 欧洲经济区以外的接收方。第三国对境内数据的远程访问同样属于传输，按其响应计量。",
            ),
            self.jurisdiction_chart(),
            Block::Table(self.map_table()),
        ]
    }

    fn eu_figures(&self, bytes: u64, countries: u64) -> Vec<Figure> {
        let mut figures = self.flow_figures();
        let share = number::share(bytes, self.total.bytes);
        if let Some(first) = figures.first_mut() {
            *first = Figure {
                note: self.language.pick(
                    format!("{share} of all that left"),
                    format!("占全部出境数据量的 {share}"),
                ),
                tone: Tone::Plain,
                ..self.figure(
                    "third_country_bytes",
                    "To third countries",
                    "流向第三国",
                    self.bytes(bytes),
                )
            };
        }
        if let Some(third) = figures.get_mut(2) {
            third.value = self.at_least(countries);
            third.label = self.say("Third countries", "第三国");
        }
        figures
    }

    /// The gravest of the last verdicts of packs of the European Union on a flow.
    fn eu_judgement(&self, key: &Key) -> Option<&Judgement> {
        let receiver = key.receiver();
        let first = super::verdicts::Subject {
            asset: key.asset.clone(),
            jurisdiction: key.jurisdiction.clone(),
            recipient: receiver,
            pack: PACK.to_owned(),
        };
        let later = self.facts.judgements.by_subject.range(first.clone()..);
        let mine = later.take_while(|(subject, _)| {
            let is_same = (&subject.asset, &subject.jurisdiction, &subject.recipient)
                == (&first.asset, &first.jurisdiction, &first.recipient);
            is_same && subject.pack.starts_with(PACK)
        });
        mine.map(|(_, judgement)| judgement)
            .max_by_key(|judgement| judgement.last)
    }

    fn third_flows(&self) -> Vec<(Key, Flow)> {
        let flows = self.facts.flows.by(|key, _| key.clone()).into_iter();
        flows
            .filter(|(key, _)| !is_eea(&key.jurisdiction))
            .collect()
    }

    fn map_table(&self) -> Table {
        let columns = vec![
            self.words_column("asset", "Asset", "资产"),
            self.words_column("recipient", "Recipient", "接收方"),
            self.words_column("jurisdiction", "Third country", "第三国"),
            self.words_column("categories", "Declared data", "申报的数据类别"),
            self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.column(
                "unprotected_share",
                "Unprotected",
                "未受保护",
                ColumnKind::Share,
            ),
            self.words_column("verdict", "Verdict of the EU pack", "欧盟规则包判定"),
            self.column("last", "Last seen", "末次观测", ColumnKind::Time),
            self.detail("entity", "Entity", "主体", ColumnKind::Text),
            self.detail("asn", "Autonomous system", "自治系统", ColumnKind::Text),
            self.detail("routes", "Routes", "路径", ColumnKind::Text),
            self.detail("cite", "Source", "出处", ColumnKind::Text),
            self.detail("first", "First seen", "首次观测", ColumnKind::Time),
        ];
        let rows = self.third_flows().into_iter().map(|(key, flow)| {
            let judgement = self.eu_judgement(&key);
            let routes = judgement
                .iter()
                .flat_map(|it| it.routes.iter().map(String::as_str));
            vec![
                Cell::text(&key.asset),
                self.receiver(&key.receiver()),
                self.country(&key.jurisdiction),
                self.categories(&flow),
                self.bytes(flow.bytes),
                unprotected(&flow),
                self.verdict_at(judgement.map(|it| it.last)),
                self.day_if(flow.last),
                Cell::text(&key.entity),
                Cell::text(&autonomous_system(key.asn)),
                words::cells(ROUTES, routes, self.language),
                judgement.map_or(Cell::Empty, |it| Cell::text(&it.cite)),
                self.moment_if(flow.first),
            ]
        });
        let title = ("Transfers to third countries", "向第三国的传输");
        self.table("transfer_map", title.0, title.1, columns)
            .fill(rows)
    }

    fn article_30_table(&self) -> Table {
        let columns = vec![
            self.words_column("entity", "Controller or processor", "控制者或处理者"),
            self.words_column("jurisdiction", "Third country", "第三国"),
            self.words_column("categories", "Declared data", "申报的数据类别"),
            self.column("recipients", "Recipients", "接收方数", ColumnKind::Count),
            self.words_column("basis", "On record", "登记的依据"),
            self.words_column("safeguards", "Suitable safeguards", "适当保障措施的文件"),
        ];
        let approvals = self.facts.states.approvals(self.request.entity.as_deref());
        let sums = self
            .facts
            .flows
            .by(|key, _| (key.entity.clone(), key.jurisdiction.clone()));
        let sums = sums
            .into_iter()
            .filter(|((_, country), _)| !is_eea(country));
        let mut receivers: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
        for (key, _) in self.facts.flows.iter() {
            let mine = receivers
                .entry((&key.entity, &key.jurisdiction))
                .or_default();
            mine.insert(key.receiver());
        }
        let rows = sums.map(|((entity, country), flow)| {
            let named = receivers
                .get(&(&*entity, &*country))
                .map_or(0, BTreeSet::len);
            let on_record = approvals.iter().filter(|approval| {
                let is_of = approval.organisation.is_empty() || approval.organisation == entity;
                is_of
                    && approval
                        .recipients
                        .iter()
                        .any(|recipient| recipient.country == country)
            });
            let routes: BTreeSet<_> = on_record.map(|approval| approval.route.as_str()).collect();
            vec![
                Cell::text(&entity),
                self.country(&country),
                self.categories(&flow),
                self.at_least(named as u64),
                words::cells(ROUTES, routes, self.language),
                Cell::Blank,
            ]
        });
        let title = (
            "Column of the record of processing",
            "处理活动记录中的传输栏",
        );
        self.table("article_30", title.0, title.1, columns)
            .fill(rows)
    }

    /// Personal data in the clear or weakly protected.
    fn exposed_personal_table(&self) -> Table {
        let mut table = self.unprotected_table();
        let categories = table
            .columns
            .iter()
            .position(|column| column.name == "categories");
        table
            .rows
            .retain(|row| match categories.and_then(|place| row.get(place)) {
                Some(Cell::Word { code, .. }) => {
                    code.split(' ').any(|code| PERSONAL.contains(&code))
                }
                _ => false,
            });
        table.name = "exposed_personal";
        table.title = self.say(
            "Declared personal data in the clear or weakly protected (article 32)",
            "申报为个人数据且以明文或弱加密传输的数据流（第 32 条）",
        );
        table
    }
}

/// Whether a country is in the European Economic Area. An unknown one is held to be a third.
fn is_eea(code: &str) -> bool {
    code != places::UNKNOWN && EEA.contains(&code)
}
