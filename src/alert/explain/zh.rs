//! The same sentences in Chinese, in simplified characters. Addresses and names have a space
//! before and behind them, by which the veil of pseudonyms finds them.

use super::{
    Activity, Confidence, Country, Flaw, Incident, Observed, Occasion, Protection, Recipient,
    Ruling, Source, Verdict, ends, place,
};
use crate::detect::Bytes;
use crate::dissect::Application;

/// What happened, how that compares, and what to look at.
pub(in crate::alert) fn explanation(
    incident: &Incident,
    occasion: Occasion,
    country: Country,
    activity: Activity,
) -> String {
    let observed = &incident.observed;
    let (asset, since) = (&incident.asset, incident.since);
    let (bytes, place) = (Bytes(incident.bytes), place(observed, country));
    let mut said = match (incident.hidden(), incident.ruled_against()) {
        (Some(sentence), _) => {
            let way = match country.is_unknown() {
                true => "经站内域名服务器或去向不明的途径".to_owned(),
                false => format!("向 {place} "),
            };
            format!("{asset} 疑似{way}隐藏传送数据：{}。", sentence.zh)
        }
        (None, Some(sentence)) => format!(
            "自 {since} 起 {asset} 向 {place} 发送了 {bytes}，与策略不符：{}",
            ended(&sentence.zh)
        ),
        (None, None) => {
            let excess_bytes = incident.excess_bytes();
            let expected = Bytes(incident.bytes.saturating_sub(excess_bytes));
            let excess = Bytes(excess_bytes);
            format!(
                "自 {since} 起 {asset} 向 {place} 发送了 {bytes}，比预期的 {expected} 多 {excess}。"
            )
        }
    };
    let is_news = matches!(occasion, Occasion::Opened | Occasion::Grown);
    if is_news && incident.hidden().is_some() {
        said.push_str("请查看该处运行的程序，以及接收方的归属。");
    } else {
        said.push_str(&state(occasion, activity));
    }
    if occasion == Occasion::Opened {
        said.extend(loneliness(observed, country));
        if incident.allowance_bytes > 0 {
            let allowance = Bytes(incident.allowance_bytes);
            said.push_str(&format!("该小时内不超过 {allowance} 则不告警。"));
        }
    }
    said.extend(parts(incident));
    if incident.campaign.is_some() {
        said.push_str("其他资产的事件有同一接收方。");
    }
    said.extend(doubt(observed, country));
    said.extend(measured(observed));
    if let Some((asset_end, peer_end, protocol)) = ends(observed) {
        said.push_str(&format!(
            "请先查看 {asset_end} 到 {peer_end} （{protocol}）。"
        ));
    }
    said.extend(observed.recipients.first().and_then(recipient));
    said
}

/// A sentence with its end.
fn ended(sentence: &str) -> String {
    match sentence.ends_with(['。', '）', '.']) {
        true => sentence.to_owned(),
        false => format!("{sentence}。"),
    }
}

fn state(occasion: Occasion, activity: Activity) -> String {
    let text = match occasion {
        Occasion::Opened if activity.is_running => "写下本条时仍在进行。",
        Occasion::Grown if activity.is_running => "仍在继续，并有增长。",
        Occasion::Opened | Occasion::Grown => "写下本条时其数据流均已结束。",
        Occasion::Joined => "现已归入一组关联事件。",
        Occasion::Whole => "现已并入同一机器另一地址所发送的数据。",
        Occasion::Part => "其地址经查属于一台已知机器。",
        Occasion::Quiet => "此后一天未见异常。",
        Occasion::Ruled(Ruling { verdict, number }) => {
            return match verdict {
                Verdict::BenignOnce => format!("反馈 {number} 认为本次无害。"),
                Verdict::Expected => format!("反馈 {number} 认为属于预期。"),
                Verdict::Malicious => format!("反馈 {number} 认为是恶意：永不视为正常。"),
            };
        }
    };
    text.to_owned()
}

fn parts(incident: &Incident) -> Option<String> {
    if let Some(into) = &incident.joined.into {
        return Some(format!("该事件连同其字节数并入事件 {into} 继续。"));
    }
    match &incident.joined.parts[..] {
        [] => None,
        [one] => Some(format!("事件 {one} 是其一部分。")),
        [.., last] => {
            let count = incident.joined.parts.len();
            Some(format!("{count} 起事件是其一部分，最后一起为 {last} 。"))
        }
    }
}

fn loneliness(observed: &Observed, country: Country) -> Option<String> {
    let others = observed.prevalence;
    if others.assets < 2 {
        return None;
    }
    if others.country <= 1 {
        return Some(format!("站内没有其他资产向 {country} 发送数据。"));
    }
    let is_alone = others.network <= 1 && observed.asn > 0;
    is_alone.then(|| format!("站内没有其他资产向该处的 AS{} 发送数据。", observed.asn))
}

fn doubt(observed: &Observed, country: Country) -> Option<String> {
    match observed.confidence {
        Confidence::Refuted => Some(format!(
            "对端应答过快，不可能位于 {country}：或数据库有误，或由较近处代答。"
        )),
        Confidence::Disputed => Some(format!("各数据来源对其是否位于 {country} 说法不一。")),
        Confidence::Plausible | Confidence::Confirmed | Confidence::Unknown => None,
    }
}

fn measured(observed: &Observed) -> Option<String> {
    match observed.measure.one_in()? {
        1 => Some("依据他方流记录：重传重复计入，名称与保护方式未知。".to_owned()),
        packets => Some(format!(
            "字节数为估计值：流记录每 {packets} 个报文只计一个；名称与保护方式未知。"
        )),
    }
}

/// Who receives it, what protects it, and what speaks against the certificate.
fn recipient(known: &Recipient) -> Option<String> {
    let spoken = match known.application {
        Application::Unknown => None,
        application => Some(format!("使用 {}", application.name())),
    };
    let named = known.name.as_ref().map(|(name, source)| match source {
        Source::ServerName => format!("请求的名称为 {name} "),
        Source::Certificate => format!("证书所示名称为 {name} "),
        Source::Dns => format!("DNS 所示名称为 {name} "),
    });
    let protected = match known.protection {
        Protection::Unseen => None,
        Protection::Clear => Some("未加密"),
        Protection::Weak => Some("弱加密"),
        Protection::Standard => Some("已加密"),
        Protection::Strong => Some("强加密"),
        Protection::PostQuantum => Some("已加密，可抗量子计算"),
        Protection::National => Some("以国密（SM）加密"),
        Protection::Opaque => Some("似已加密，方式不明"),
    };
    let flaws = known.certificate.iter().flat_map(|certificate| {
        certificate.flaws.iter().map(|flaw| match flaw {
            Flaw::OtherName => "证书属于其他名称".to_owned(),
            Flaw::SelfSigned => "证书为自签名".to_owned(),
            Flaw::Expired => format!("证书已于 {} 过期", certificate.valid_until),
            Flaw::NotYetValid => format!("证书自 {} 起才有效", certificate.valid_from),
            Flaw::WeakKey => "证书密钥过弱".to_owned(),
            Flaw::WeakSignature => "证书以已被攻破的散列签名".to_owned(),
        })
    });
    let parts = [spoken, named, protected.map(str::to_owned)];
    let parts: Vec<_> = parts.into_iter().flatten().chain(flaws).collect();
    (!parts.is_empty()).then(|| format!("{}。", parts.join("，")))
}
