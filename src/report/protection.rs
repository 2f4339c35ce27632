//! R8: how what left was protected on the way, month by month.

use super::charts::month_name;
use super::common::{Content, Context};
use super::flows::Flow;
use super::model::{Block, Cell, ColumnKind, Table, Tone};
use super::number;
use super::tables::{at, unprotected};
use super::words::{self, PROTECTIONS};

impl Context<'_> {
    pub(super) fn protection(&self) -> Content {
        let explained = self.paragraph(
            "A conversation is put into one class by the handshake that was seen, and all its \
             bytes with it. Weak are versions before TLS 1.2 and suites that RFC 9325 advises \
             against. Unknown traffic that looks random may be encrypted by means that the sensor \
             does not know, or compressed.",
            "每个会话按观测到的握手归入一类，其全部字节计入该类。弱加密指 TLS 1.2 之前的版本及 RFC \
             9325 建议不用的套件。近似随机的未知流量可能采用探针不识别的加密方式，也可能只是压缩数据。",
        );
        let blocks = vec![
            self.protection_chart(),
            Block::Table(self.protection_table()),
            explained,
        ];
        let flows = vec![
            self.paragraph(
                "Flows with bytes in the clear or weakly protected, the largest first.",
                "以明文或弱加密传输的数据流，按数据量排列。",
            ),
            Block::Table(self.unprotected_table()),
        ];
        Content {
            lead: self.protection_lead(),
            figures: self.flow_figures(),
            sections: vec![
                self.section("by_month", "1  Trend", "一、变化趋势", blocks),
                self.section(
                    "exposed",
                    "2  What was exposed",
                    "二、未受有效保护的数据流",
                    flows,
                ),
                self.section(
                    "by_place",
                    "3  By jurisdiction",
                    "三、按国家/地区",
                    vec![
                        self.jurisdiction_chart(),
                        Block::Table(self.jurisdiction_table()),
                    ],
                ),
            ],
            main_table: "protection",
        }
    }

    fn protection_lead(&self) -> String {
        let total = &self.total;
        let lead = self.flow_lead();
        if total.bytes == 0 {
            return lead;
        }
        let strong = [3, 4, 5].iter().map(|place| at(&total.protected, *place));
        let strong = number::share(strong.fold(0, u64::saturating_add), total.bytes);
        let quantum = number::share(at(&total.protected, 4), total.bytes);
        let trend = self.trend().unwrap_or_default();
        lead + &self.language.pick(
            format!(
                " TLS 1.3, QUIC or national cryptography protected {strong} of bytes, \
                 {quantum} with a post-quantum key exchange.{trend}"
            ),
            format!(
                "采用 TLS 1.3、QUIC 或国密保护的占 {strong}，其中采用抗量子密钥交换的占 \
                 {quantum}。{trend}"
            ),
        )
    }

    /// The first month against the last.
    fn trend(&self) -> Option<String> {
        let months = self.months();
        let (first, before) = months.first_key_value()?;
        let (last, after) = months.last_key_value()?;
        if first == last {
            return None;
        }
        let (first, last) = (month_name(first), month_name(last));
        let share = |flow: &Flow| number::share(flow.unprotected_bytes(), flow.bytes);
        let (before, after) = (share(before), share(after));
        Some(self.language.pick(
            format!(" The unprotected share was {before} in {first} and {after} in {last}."),
            format!("未受有效保护的比例在 {first} 为 {before}，在 {last} 为 {after}。"),
        ))
    }

    pub(super) fn protection_table(&self) -> Table {
        let mut columns = vec![self.words_column("month", "Month", "月份")];
        columns.push(self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes));
        columns.extend(PROTECTIONS.iter().map(|word| super::Column {
            name: word.code,
            title: words::label(PROTECTIONS, word.code, self.language),
            kind: ColumnKind::Share,
            is_detail: false,
        }));
        let names = [
            "clear_bytes",
            "weak_bytes",
            "standard_bytes",
            "strong_bytes",
            "post_quantum_bytes",
            "national_bytes",
            "opaque_bytes",
            "unseen_bytes",
        ];
        let details = names
            .into_iter()
            .zip(PROTECTIONS)
            .map(|(name, word)| super::Column {
                name,
                title: words::label(PROTECTIONS, word.code, self.language),
                kind: ColumnKind::Bytes,
                is_detail: true,
            });
        columns.extend(details);
        let months = self.months();
        let all = self.word("all", "whole window", "全期间", Tone::Plain);
        let all = (all, &self.total);
        let rows = months
            .iter()
            .map(|(month, flow)| (Cell::Text(month_name(month)), flow));
        let rows = rows.chain((self.total.bytes > 0).then_some(all));
        let rows = rows.map(|(month, flow)| {
            let shares = flow.protected.iter().map(|part| Cell::Share {
                part: *part,
                whole: flow.bytes,
            });
            let head = [month, self.bytes(flow.bytes)];
            let bytes = flow.protected.iter().map(|part| self.bytes(*part));
            head.into_iter().chain(shares).chain(bytes).collect()
        });
        let title = ("Share of bytes by protection", "各类传输保护所占数据量比例");
        self.table("protection", title.0, title.1, columns)
            .fill(rows)
    }

    /// Flows that were exposed, and what is declared of them.
    pub(super) fn unprotected_table(&self) -> Table {
        let columns = vec![
            self.words_column("asset", "Asset", "资产"),
            self.words_column("recipient", "Recipient", "境外接收方"),
            self.words_column("jurisdiction", "Jurisdiction", "国家/地区"),
            self.words_column("categories", "Declared data", "申报的数据类别"),
            self.column("clear_bytes", "In the clear", "明文", ColumnKind::Bytes),
            self.column("weak_bytes", "Weak", "弱加密", ColumnKind::Bytes),
            self.column(
                "unprotected_share",
                "Of its bytes",
                "占该流比例",
                ColumnKind::Share,
            ),
            self.column("last", "Last seen", "末次观测", ColumnKind::Time),
            self.detail("entity", "Entity", "主体", ColumnKind::Text),
        ];
        let flows = self.facts.flows.iter();
        let mut flows: Vec<_> = flows
            .filter(|(_, flow)| flow.unprotected_bytes() > 0)
            .collect();
        flows.sort_by(|(a, one), (b, two)| {
            let more = two.unprotected_bytes().cmp(&one.unprotected_bytes());
            more.then_with(|| a.cmp(b))
        });
        let rows = flows.into_iter().map(|(key, flow)| {
            vec![
                Cell::text(&key.asset),
                self.receiver(&key.receiver()),
                self.country(&key.jurisdiction),
                self.categories(flow),
                self.bytes(at(&flow.protected, 0)),
                self.bytes(at(&flow.protected, 1)),
                unprotected(flow),
                self.day_if(flow.last),
                Cell::text(&key.entity),
            ]
        });
        let title = (
            "Flows in the clear or weakly protected",
            "明文或弱加密的数据流",
        );
        self.table("unprotected", title.0, title.1, columns)
            .fill(rows)
    }
}
