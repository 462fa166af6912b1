"""What identifies a person directly (HIPAA 45 CFR 164.514(b)(2); GB/T 42460; PIPL 4), and how it is told.

A kind is told by words in the name of a column, and, where values have a form of their own, by their content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huizhen.kit.text import Text
from huizhen.privacy.identify.lexicon import FIRST_NAMES, LAST_NAMES, SURNAMES
from huizhen.privacy.masking import identity
from huizhen.privacy.masking.invented import COMPOUND

Bools = npt.NDArray[np.bool_]
_TOKEN = re.compile(r"[^a-z0-9\u4e00-\u9fff]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Kind:
    """`words` match the whole name of a column (see `tidy`), `zh` a part of it, unless one of `but` is in it; `shape`
    matches a whole value, and `valid`, if any, says which of those are right. A column whose values are so in
    `share` of all, or that is called so and whose values are not otherwise, is of this kind."""

    name: str
    label: Text
    words: str = ""
    zh: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    shape: str = ""
    valid: Callable[[Sequence[str]], Bools] | None = None
    share: float = 0.5
    becomes: str = "token"
    """The kind of `mask.yaml` for it."""
    must: bool = False
    """Whether a column that is called so is only taken for it if some values have the shape."""

    def called(self, column: str) -> bool:
        """Whether the name of a column says so."""
        tidied = tidy(column)
        if any(word in tidied for word in self.but):
            return False
        return bool(self.words and re.fullmatch(self.words, tidied)) or any(word in tidied for word in self.zh)

    def right(self, values: Sequence[str]) -> Bools:
        """Which values have the form."""
        if not self.shape:
            return np.zeros(len(values), np.bool_)
        pattern = re.compile(self.shape)
        shaped = np.array([bool(pattern.fullmatch(v)) for v in values], np.bool_)
        if self.valid is not None and shaped.any():
            rows = np.flatnonzero(shaped).tolist()
            shaped[rows] = self.valid([values[i] for i in rows])
        return shaped


def tidy(column: str) -> str:
    """`PatientID`, `patient-id` and `Patient ID` as `patient_id`."""
    return _TOKEN.sub("_", _CAMEL.sub("_", column).lower()).strip("_")


def luhn(values: Sequence[str]) -> Bools:
    """Which digits have a right check digit (ISO/IEC 7812-1)."""
    out = []
    for value in values:
        digits = [int(c) for c in value if c.isdigit()]
        doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
        out.append(sum(doubled) % 10 == 0 and len(set(digits)) > 1)
    return np.array(out, np.bool_)


def _chinese(values: Sequence[str]) -> Bools:
    return np.array([v[:2] in COMPOUND or v[:1] in SURNAMES or "·" in v for v in values], np.bool_)


def _western(values: Sequence[str]) -> Bools:
    """A first or a last name that is common, in either order."""
    return np.array([bool({*re.findall(r"[a-z'-]+", v.lower())} & _COMMON) for v in values], np.bool_)


def _octets(values: Sequence[str]) -> Bools:
    return np.array([all(int(part) < 256 for part in v.split(".")) for v in values], np.bool_)


_COMMON = FIRST_NAMES | LAST_NAMES
_OF = (
    "(patient|subject|person|visit|encounter|record|case|sample|specimen|participant|admission|inpatient|"
    "outpatient|hospitalization|discharge|chart|barcode|bed_card|member|client)"
)
_WHO = (
    "(patient|subject|person|full|first|middle|last|given|family|contact|guardian|mother|father|pat|pt|doctor|"
    "physician|nurse|attending|operator|surgeon|next_of_kin|kin|emergency_contact|applicant|cust|customer|user|real)"
)
_THINGS = (
    "药", "科室", "医院", "项目", "疾病", "诊断", "手术", "机构", "品名", "商品", "检验", "检查", "套餐",
    "病区", "公司", "单位",
    "指标", "产品", "设备", "方案", "组名", "类",
)  # fmt: skip
KINDS: tuple[Kind, ...] = (
    Kind(
        "id_number", Text("resident identity number", "居民身份证号"),
        r"(.+_)?(id_?card(_(no|num|number))?|identity_?card|national_id|id_?(no|num|number)|identity(_(no|number))?|"
        r"sfzh?m?|sfz|zjhm|cert(ificate)?_?(no|num|number|id))",
        ("身份证", "证件号", "身份号"), ("类型", "类别", "type"),
        r"[1-9]\d{5}(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]", identity.valid, 0.3, "id_number",
    ),
    Kind(
        "phone", Text("telephone number", "电话号码"),
        r"(.+_)?(phone(_?(no|num|number))?|mobile(_?(no|num|number|phone))?|cell(_?phone)?|telephone|tel(_?(no|"
        r"num|number))?|"
        r"fax(_?(no|num|number))?|lxdh|dhhm|sjhm?|contact_?(no|number|info))",
        ("电话", "手机", "联系方式", "传真"), ("随访", "类型", "系统"),
        r"(\+?86[- ]?|0086[- ]?)?(1[3-9]\d[- ]?\d{4}[- ]?\d{4})|\(?0\d{2,3}\)?[- ]\d{7,8}(-\d{1,5})?|"
        r"0(10|2\d)[2-8]\d{7}|(\+?1[-. ]?)?\(?[2-9]\d{2}\)?[-. ]\d{3}[-. ]\d{4}(\s?x\d{1,5})?",
        None, 0.5, "phone",
    ),
    Kind(
        "email", Text("mail address", "电子邮箱"), r"(.+_)?(e_?mail(_(address|addr))?)", ("邮箱", "邮件", "电邮"), (),
        r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}", None, 0.3, "email",
    ),
    Kind(
        "name", Text("name of a person", "姓名"),
        rf"({_WHO}_?)?name|surname|(.+_)?(full_?name|xm|xingming)",
        ("姓名", "名字", "联系人", "监护人", "患者名", "病人名"), (*_THINGS, "关系", "电话", "地址"),
        r"[\u4e00-\u9fff]{2,4}|[\u4e00-\u9fff]{2,8}·[\u4e00-\u9fff]{2,10}", _chinese, 0.8, "name", True,
    ),
    Kind(
        "name_latin", Text("name of a person in Latin letters", "姓名（拉丁字母）"),
        rf"({_WHO}_?)?name|surname|(.+_)?(full_?name|pinyin|xmpy)", ("姓名", "拼音"), (*_THINGS, "关系"),
        r"((Dr|Mrs?|Ms|Miss|Prof)\.? )?[A-Z][a-z'-]+(,? ([A-Z]\.|[A-Z][A-Za-z'-]+)){0,2},? ([A-Z][A-Za-z'-]+|[A-Z]\.)"
        r"( (Jr|Sr|MD|DDS|PhD|DVM|II|III|IV)\.?)?",
        _western, 0.35, "name", True,
    ),
    Kind(
        "address", Text("postal address", "地址"),
        r"(.+_)?(address(_?line_?\d)?|addr|street(_address)?|residence|domicile|jtzz|jzdz|hkdz)",
        ("地址", "住址", "住所", "户口", "籍贯", "门牌"), ("编码", "代码", "类型", "类别"),
        r".*([\u4e00-\u9fff](省|市|区|县|镇|乡|村|街道|旗)|[\u4e00-\u9fff](路|街|巷|弄|道|里)).*\d.*(号|室|栋|幢|"
        r"楼|单元|组|座|户).*|"
        r".*[\u4e00-\u9fff](省|市|县|区)[\u4e00-\u9fff]+(路|街|巷|弄|村|镇|乡|街道|座|小区|"
        r"苑)[\u4e00-\u9fff\d]*( \d{6})?|"
        r"\d{1,6}[A-Za-z]? .*\b(?i:street|st|avenue|ave|road|rd|lane|ln|drive|dr|court|ct|way|place|blvd|boulevard|"
        r"square|terrace|parkway|highway|apt|suite)\b.*",
        None, 0.5, "address", True,
    ),
    Kind(
        "record_number", Text("number of a patient or record", "病案号等编号"),
        rf"id|pid|(.+_)?{_OF}_?(id|no|num|number|key|code|uid)|(.+_)?(mrn|medical_?record(_?(no|num|number|id))?|"
        r"chart_?(no|num|number)|empi|mpi|bah|zyh|mzh|jzh|kh|patient|pat_?(id|no))",
        ("病历号", "病案号", "住院号", "门诊号", "就诊号", "患者编号", "病人编号", "患者id", "病人id", "登记号",
        "就诊卡", "条码", "条形码",
         "样本号", "标本号", "检查号", "影像号", "流水号", "住院编号", "诊疗卡"), ("类型", "类别"),
        "", None, 1.0, "code",
    ),
    Kind(
        "insurance_number", Text("insurance or social-security number", "医保或社保号"),
        r"(.+_)?(ssn|social_?security(_(no|number))?|insurance_?(no|num|number|id)|health_?plan_?(no|number|id)|"
        r"policy_?(no|number)|"
        r"ybh|ybkh)",
        ("医保号", "医保卡", "社保号", "社保卡", "参保号", "医保编号", "保单号", "社会保障号", "医疗证号"),
        ("类型", "类别"),
        r"\d{3}-\d{2}-\d{4}", None, 0.5, "code",
    ),
    Kind(
        "bank_card", Text("bank-card or account number", "银行卡号"),
        r"(.+_)?(bank_?(card|account|no|acct)(_?(no|num|number))?|card_?(no|num|number)|account_?(no|num|number)|"
        r"iban|yhkh|credit_?card(_(no|number))?)",
        ("银行卡", "卡号", "账号", "帐号", "银行账户"), ("就诊卡", "医保卡", "社保卡", "诊疗卡", "类型"),
        r"\d{16,19}|\d{4}( \d{4}){3}( \d{1,3})?", luhn, 0.8, "code",
    ),
    Kind(
        "passport", Text("passport or travel permit", "护照或通行证号"),
        r"(.+_)?(passport(_?(no|num|number))?|hzh|permit_?(no|number))", ("护照", "通行证", "军官证", "回乡证"),
        ("类型",),
        r"(E[A-HJ-NP-Z]?|[DSPG])\d{7,8}|[HM]\d{8}(\d\d)?", None, 0.7, "code",
    ),
    Kind(
        "plate", Text("number plate", "车牌号"), r"(.+_)?(licen[cs]e_plate(_?(no|number))?|plate_?(no|number)|"
        r"vin|cph)", ("车牌", "车辆识别"), (),
        r"[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][A-Z][·-]?[A-Z0-9]{5,6}", None, 0.5, "token",
    ),
    Kind(
        "device", Text("number of a device or account on the net", "设备号或网络账号"),
        r"(.+_)?(imei|serial_?(no|num|number)|device_?(id|no|sn|serial)|mac(_?address|_addr)?|wechat(_?id)?|"
        r"qq(_?(no|number))?|openid|"
        r"unionid|user_?(id|name)|login|wxh|username)",
        ("微信", "设备号", "序列号", "QQ号", "qq号", "用户名", "登录名"), ("类型",),
        r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", None, 0.5, "token",
    ),
    Kind(
        "net_address", Text("internet address", "网络地址"), r"(.+_)?(ip(_?(address|addr))?|url|homepage|"
        r"website)", ("网址", "主页"), (),
        r"(\d{1,3}\.){3}\d{1,3}", _octets, 0.7, "token",
    ),
    Kind(
        "licence", Text("licence or certificate number", "执照或证书号"),
        r"(.+_)?(licen[cs]e_?(no|num|number|id)|birth_certificate(_?(no|number))?)", ("驾驶证", "出生证",
        "执业证", "资格证", "准考证"),
        ("类型",), "", None, 1.0, "code",
    ),
    Kind(
        "face", Text("picture or biometric of a person", "人像或生物特征"),
        r"(.+_)?(photo|portrait|face(_(image|photo))?|fingerprint|voiceprint|iris)", ("照片", "人脸", "指纹",
        "声纹", "虹膜"), (),
        "", None, 1.0, "blank",
    ),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS}
SHAPES = tuple(f"^({BY_NAME[name].shape})$" for name in ("id_number", "phone", "email"))
"""Whole values that identify a person wherever they stand (RE2)."""


def names_a_person(column: str) -> bool:
    """Whether the name of a column says that it identifies a person."""
    return any(kind.called(column) for kind in KINDS)
