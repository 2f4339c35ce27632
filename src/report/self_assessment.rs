//! R1: evidence for the self-assessment that precedes a security assessment.
//!
//! The sections follow the template of the Cyberspace Administration of China: the work done, the
//! activity as a whole (handler, business and systems, data, security capability, recipients,
//! legal documents), the risks, the conclusion.

use std::collections::BTreeSet;

use super::common::{Content, Context};
use super::model::{Block, Cell, ColumnKind, Section, Table};
use super::words::GRADES;

impl Context<'_> {
    pub(super) fn self_assessment(&self) -> Content {
        Content {
            lead: self.flow_lead(),
            figures: self.flow_figures(),
            sections: vec![
                self.work_done(),
                self.activity(),
                self.risks(),
                self.conclusion(),
            ],
            main_table: "transfers",
        }
    }

    fn work_done(&self) -> Section {
        let blocks = vec![
            self.paragraph(
                "A passive sensor watched the links named in its configuration and recorded what \
                 crossed the border. It read packet headers and the beginnings of conversations, \
                 and stored no payload. What follows are its measurements.",
                "被动式探针监测其配置所列链路，记录跨越边境的流量。探针读取报文头部与会话起始部分，\
                 不留存载荷。以下为其测量结果。",
            ),
            self.blank(
                "Dates, organisation and procedure of the self-assessment; persons and third \
                 parties who took part",
                "自评估的起止时间、组织情况、实施过程与方式；参与人员及第三方机构",
            ),
        ];
        self.section(
            "work_done",
            "1  The work of the self-assessment",
            "一、自评估工作情况",
            blocks,
        )
    }

    fn activity(&self) -> Section {
        let mut blocks =
            vec![
            self.heading("2.1  The handler of the data", "（一）数据处理者基本情况"),
            self.blank(
                "Name, registration number, ownership, persons in charge of data security, \
                 whether an operator of critical information infrastructure",
                "名称、统一社会信用代码、股权与实际控制情况、数据安全负责人、是否为关键信息\
                 基础设施运营者",
            ),
            self.heading("2.2  Business and systems", "（二）数据出境涉及的业务和信息系统"),
            Block::Table(self.asset_table()),
            self.blank(
                "Business that needs the transfer; data centres; links, their provider and \
                 bandwidth",
                "数据出境涉及的业务情况；数据中心（含云服务）；出境链路及其提供方与带宽",
            ),
            self.heading("2.3  The data to be exported", "（三）拟出境数据情况"),
            self.day_chart(),
            Block::Table(self.category_table()),
            Block::Table(self.meter_table(|_| true)),
            self.paragraph(
                "A row that is declared to hold several categories counts in each of them, so \
                 these rows do not add up. Persons are counted by identifiers that were readable; \
                 the share that could not be read stands beside each count. Neither number says \
                 whether a threshold was kept below.",
                "同时申报为多个类别的数据分别计入各类别，因此各行不可相加。主体数按可读标识符\
                 统计，旁列不可见比例。两者均不能说明是否低于某一阈值。",
            ),
            self.blank(
                "Purpose, scope and manner of the transfer and of its handling abroad; data items \
                 by scenario; necessity",
                "数据出境及境外接收方处理数据的目的、范围、方式；按场景列明数据项；必要性说明",
            ),
            self.heading("2.4  Recipients abroad", "（四）境外接收方情况"),
            self.jurisdiction_chart(),
            Block::Table(self.jurisdiction_table()),
            Block::Table(self.recipient_table()),
            self.blank(
                "Legal identity, capability and duties of each recipient; law and practice of its \
                 country; retention there and onward transfers",
                "境外接收方的主体信息、安全保障能力与责任义务；所在国家或地区的法律与实践；境外留存\
                 期限与再转移情况",
            ),
        ];
        blocks.extend(self.capability());
        self.section(
            "activity",
            "2  The transfers as a whole",
            "二、出境活动整体情况",
            blocks,
        )
    }

    fn capability(&self) -> Vec<Block> {
        vec![
            self.heading(
                "2.5  Protection in transit",
                "（五）数据安全保障能力：传输保护",
            ),
            self.protection_chart(),
            Block::Table(self.protection_table()),
            self.blank(
                "Management and technical measures, certifications, audits, emergency plans",
                "管理与技术措施、认证与审计情况、应急预案",
            ),
            self.heading("2.6  Filings and contracts", "（六）法律文件与已办理事项"),
            Block::Table(self.approval_table()),
            self.blank(
                "Clauses of the contract or other legal document with each recipient",
                "与境外接收方拟订立的合同或其他法律文件的主要条款",
            ),
        ]
    }

    fn risks(&self) -> Section {
        let blocks = vec![
            self.paragraph(
                "Facts that an analysis of risks may start from. What they mean is for the \
                 handler to say.",
                "以下事实可作为风险分析的起点，其含义由数据处理者判断。",
            ),
            Block::Table(self.finding_table(|_| true)),
            Block::Table(self.incident_table()),
            Block::Table(self.transfer_table(&self.facts.flows)),
            self.blank(
                "Analysis of the risks, problems found, measures taken and their effect",
                "风险分析、发现的问题、整改措施及效果",
            ),
        ];
        self.section(
            "risks",
            "3  Risks of the transfers",
            "三、出境活动的风险评估情况",
            blocks,
        )
    }

    fn conclusion(&self) -> Section {
        let blocks = vec![self.blank(
            "Conclusion of the self-assessment, with reasons",
            "自评估结论及理由",
        )];
        self.section("conclusion", "4  Conclusion", "四、自评估结论", blocks)
    }

    fn asset_table(&self) -> Table {
        let columns = vec![
            self.words_column("asset", "Asset", "资产"),
            self.words_column("entity", "Entity", "主体"),
            self.words_column("categories", "Declared data", "申报的数据类别"),
            self.words_column("grade", "Grade", "数据级别"),
            self.column("recipients", "Recipients", "接收方数", ColumnKind::Count),
            self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.column("transfers", "Transfers", "传输次数", ColumnKind::Count),
        ];
        let mut receivers: BTreeSet<(String, String, String)> = BTreeSet::new();
        let of = |key: &super::flows::Key| (key.asset.clone(), key.entity.clone());
        for (key, _) in self.facts.flows.iter() {
            let (asset, entity) = of(key);
            receivers.insert((asset, entity, key.receiver()));
        }
        let sums = self.facts.flows.by(|key, _| of(key)).into_iter();
        let rows = sums.map(|((asset, entity), flow)| {
            let first = (asset.clone(), entity.clone(), String::new());
            let mine = receivers.range(first..);
            let mine = mine.take_while(|(a, e, _)| (a, e) == (&asset, &entity));
            let named = mine.filter(|(.., receiver)| !receiver.is_empty()).count();
            vec![
                Cell::text(&asset),
                Cell::text(&entity),
                self.categories(&flow),
                self.word_at(GRADES, flow.grade),
                self.at_least(named as u64),
                self.bytes(flow.bytes),
                Cell::count(flow.transfers),
            ]
        });
        let title = ("Assets that sent data abroad", "向境外发送数据的资产");
        self.table("assets", title.0, title.1, columns).fill(rows)
    }
}
