"""Made-up columns of what identifies a person, with the headers they are found under, and of things that look alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Chance = np.random.Generator
Make = Callable[[Chance], str]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_SURNAMES = ("欧阳", "上官", "司徒", "仉", "寸", "逯", "蹇", "母", "昌", "芈",
    *"王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕")  # fmt: skip
_GIVEN = list("志浩泽润伯仲雯倩婧岚菲璐瑶翔鹏昊煜轩彤蕾琪薇颖慧勤俭忠孝义礼智信福禄寿喜财宝珍珠贵荣耀祖德根生发旺盛")
_FIRST = _words(
    "Liam Noah Oliver Theodore Mateo Ava Mia Isla Freya Aisha Mohammed Yusuf Hans Greta Pierre Chloe Ivan Olga "
          "Wei Xiaoming Hiroshi Yuki Priya Arjun Carlos Lucia "
    "James Mary Robert Anna Peter Laura")  # fmt: skip
_LAST = _words(
    "Novak Schmidt Dubois Rossi Silva Kowalski Ivanov Tanaka Sharma Okafor Haddad Jensen Virtanen Murphy O'Brien "
         "Smith Johnson Brown Wilson Zhang Wang Li Chen "
    "Taylor Clark Baker Fischer Moreau")  # fmt: skip
_CITIES = ("北京市海淀区", "上海市浦东新区", "广东省深圳市南山区", "浙江省杭州市西湖区", "四川省成都市武侯区",
    "河南省周口市太康县",
           "云南省大理白族自治州大理市", "内蒙古自治区包头市昆都仑区")  # fmt: skip
_ROADS = ("中关村大街", "世纪大道", "科苑路", "文三路", "人民南路", "建国巷", "滨河东路", "洱海大道")
_STREETS = (
    "Elm Street",
    "Rue Road",
    "Sunset Blvd",
    "5th Ave",
    "King's Lane",
    "Harbour Drive",
    "Station Rd",
    "Abbey Court",
)
_DRUGS = ("阿莫西林胶囊", "布洛芬缓释片", "奥美拉唑", "二甲双胍", "氨氯地平片", "头孢克肟", "白蛋白", "胰岛素",
    "安宫牛黄丸", "金银花颗粒",
          "硝苯地平", "华法林", "利伐沙班", "阿司匹林", "黄芪注射液")  # fmt: skip
_DISEASES = ("高血压", "冠心病", "白内障", "黄疸", "胃炎", "支气管肺炎", "糖尿病", "骨折", "脑梗死", "荨麻疹",
    "阑尾炎", "甲状腺结节",
             "肾结石", "贫血", "哮喘")  # fmt: skip
_WARDS = (
    "心内科",
    "普外科",
    "骨科",
    "儿科",
    "妇产科",
    "神经内科",
    "方便门诊",
    "康复科",
    "急诊科",
    "重症医学科",
    "高压氧科",
)
_HOSPITALS = ("第一人民医院", "中山医院", "华西医院", "协和医院", "同济医院", "安贞医院", "朝阳医院", "仁济医院")
_WORDS_EN = ("Chronic Gastritis", "Type Two Diabetes", "Acute Appendicitis", "Essential Hypertension",
    "Left Hip Fracture",
             "General Surgery", "Internal Medicine", "Intensive Care", "Grace Hospital", "Saint Mary Hospital",
             "Normal Saline", "Vitamin C", "Paracetamol Tablet", "White Cells", "Young Adult",
             "Green Channel")  # fmt: skip


def _digits(chance: Chance, many: int) -> str:
    return "".join(map(str, chance.integers(0, 10, many)))


def _id(chance: Chance) -> str:
    day = np.datetime64("1930-01-01") + int(chance.integers(0, 33_000))
    first = f"{chance.choice(['110108', '310115', '440305', '330106', '510107', '411627'])}{str(day).replace('-', '')}"
    first += _digits(chance, 3)
    total = sum(int(c) * pow(2, 17 - i, 11) for i, c in enumerate(first))
    return first + "10X98765432"[total % 11]


def _phone(chance: Chance) -> str:
    mobile = f"1{chance.integers(3, 10)}{_digits(chance, 9)}"
    form = chance.integers(0, 5)
    land = f"0{chance.integers(21, 30)}-{chance.integers(2, 9)}{_digits(chance, 7)}"
    return [mobile, mobile, f"+86 {mobile}", f"{mobile[:3]}-{mobile[3:7]}-{mobile[7:]}", land][form]


def _name(chance: Chance) -> str:
    return str(chance.choice(_SURNAMES)) + "".join(chance.choice(_GIVEN, chance.integers(1, 3)))


def _latin(chance: Chance) -> str:
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    return [f"{first} {last}", f"{last}, {first}", f"{first} {chance.choice(list('ABCDE'))}. {last}"][
        chance.integers(0, 3)
    ]


def _address(chance: Chance) -> str:
    road, number = chance.choice(_ROADS), chance.integers(1, 900)
    more = ["", f"{chance.integers(1, 20)}栋{chance.integers(101, 2500)}室", f"{chance.integers(1, 9)}单元"][
        chance.integers(0, 3)]  # fmt: skip
    return f"{chance.choice(_CITIES)}{road}{number}号{more}"


def _address_en(chance: Chance) -> str:
    return f"{chance.integers(1, 999)} {chance.choice(_STREETS)}, {chance.choice(['Leeds', 'Boston', 'Perth'])}"


def _card(chance: Chance) -> str:
    digits = [6, 2, 2, *chance.integers(0, 10, 15 if chance.random() < 0.5 else 12)]
    doubled = [d if i % 2 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return "".join(map(str, digits)) + str(-sum(doubled) % 10)


def _note(chance: Chance) -> str:
    disease = chance.choice(_DISEASES)
    if chance.random() < 0.7:
        return f"因{disease}入院，给予{chance.choice(_DRUGS)}治疗，{chance.integers(3, 20)}天后好转出院，随访。"
    return f"患者：{_name(chance)}，诊断{disease}，家属电话{_phone(chance)}，{chance.integers(1, 5)}周后复查。"


def _mail(chance: Chance) -> str:
    host = chance.choice(["qq.com", "163.com", "hospital.org.cn", "gmail.com"])
    return f"{chance.choice(_FIRST).lower()}{_digits(chance, 4)}@{host}"


def _text(chance: Chance) -> str:
    return (
        f"因{chance.choice(_DISEASES)}入院，给予{chance.choice(_DRUGS)}，{chance.integers(3, 30)}天后好转，嘱定期复查。"
    )


def _moment(chance: Chance) -> str:
    return (
        f"2026{chance.integers(1, 13):02d}{chance.integers(1, 29):02d}{chance.integers(0, 24):02d}{_digits(chance, 2)}"
    )


KINDS: dict[str, tuple[list[str], Make]] = {
    "id_number": (["身份证号", "id_card", "IDCardNo", "sfzh", "zjhm", "证件号码", "identity_no"], _id),
    "phone": (["联系电话", "手机号", "phone", "Mobile", "lxdh", "contact_tel", "TelNo"], _phone),
    "name": (["姓名", "患者姓名", "patient_name", "name", "xm", "联系人", "PatName", "full name"],
             lambda c: _latin(c) if c.random() < 0 else _name(c)),
    "name (Latin)": (["name", "Patient Name", "full_name", "surname", "attending_name", "pinyin"], _latin),
    "address": (["家庭住址", "现住址", "address", "home_address", "户口地址", "addr"], _address),
    "address (English)": (["address", "street_address", "AddressLine1", "residence"], _address_en),
    "email": (["邮箱", "email", "E-mail", "contact_email"], _mail),
    "record_number": (["病案号", "住院号", "MRN", "patient_id", "PatientNo", "zyh", "门诊号", "登记号", "visit_no"],
                      lambda c: f"{c.choice(['ZY', '00', 'P'])}{_digits(c, 8)}"),
    "insurance_number": (["医保号", "医保卡号", "ssn", "参保号", "insurance_no"], lambda c: _digits(c, 10)),
    "bank_card": (["银行卡号", "bank_card_no", "card_no", "退费账号"], _card),
    "passport": (["护照号", "passport_no", "通行证号"], lambda c: c.choice(["E", "G", "EA"]) + _digits(c, 8)),
    "plate": (["车牌号", "plate_no", "cph"], lambda c: c.choice(list("京沪粤川浙")) + "A" + _digits(c, 5)),
    "device": (["设备序列号", "device_id", "imei", "微信号", "mac"],
               lambda c: ":".join(f"{x:02X}" for x in c.integers(0, 256, 6))),
    "net_address": (["ip", "IP地址", "client_ip"], lambda c: ".".join(map(str, c.integers(1, 255, 4)))),
    "free_text": (["备注", "病程记录", "note", "remarks"], _note),
}  # fmt: skip
"""Kind: headers, and one value. A header is drawn from these seven times of ten; else it says nothing."""
OTHERS: list[tuple[list[str], Make]] = [
    (["药品名称", "drug_name", "drug", "c1"], lambda c: str(c.choice(_DRUGS))),
    (["诊断", "疾病名称", "diagnosis", "name_of_disease"], lambda c: str(c.choice(_DISEASES))),
    (["科室", "科室名称", "dept_name", "ward"], lambda c: str(c.choice(_WARDS))),
    (["医院名称", "hospital", "hospital_name"], lambda c: str(c.choice(_HOSPITALS))),
    (["diagnosis", "item", "department", "c2"], lambda c: str(c.choice(_WORDS_EN))),
    (["就诊时间", "visit_time", "created", "c3"], _moment),
    (["金额", "cost", "total_fee"], lambda c: f"{c.lognormal(6, 1):.2f}"),
    (["年龄", "age"], lambda c: str(c.integers(0, 100))),
    (["icd10", "诊断编码", "code"], lambda c: f"{c.choice(list('ABCEIJK'))}{_digits(c, 2)}.{_digits(c, 1)}"),
    (["身高", "height", "bmi"], lambda c: f"{c.normal(165, 9):.1f}"),
    (["证件类型", "id_type", "电话类型"], lambda c: str(c.choice(["身份证", "护照", "军官证"]))),
    (["血压", "bp"], lambda c: f"{c.integers(90, 180)}/{c.integers(50, 110)}"),
    (["入院日期", "admit_date", "出生日期"], lambda c: str(np.datetime64("1950-01-01") + int(c.integers(0, 27_000)))),
    (["籍贯省份", "province", "行政区划"], lambda c: str(c.choice(["浙江省", "四川省", "北京市", "河南省"]))),
    (["病程", "summary", "治疗经过"], _text),
    (["民族", "ethnic"], lambda c: str(c.choice(["汉族", "满族", "回族", "苗族"]))),
    (["区划代码", "postcode", "region_code"], lambda c: str(c.choice(["110101", "310104", "440305", "510107"]))),
    (
        ["检验项目", "test_name", "指标名称"],
        lambda c: str(c.choice(["白细胞", "血红蛋白", "尿素氮", "总胆红素", "钾", "钠"])),
    ),
    (["lot_no", "批号", "batch"], lambda c: f"{c.choice(['A', 'B'])}{_digits(c, 3)}"),
    (["职业", "occupation"], lambda c: str(c.choice(["农民", "教师", "工人", "医生", "学生", "退休"]))),
]
