"""Surnames and given names that are common, to tell names of people from other words."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
    "酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅"
    "庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣"
    "贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋"
    "仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬"
    "申扶堵冉宰郦雍却璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇"
    "广禄阙东殴殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公肖闫付代岳覃涂"
    "仝佟苟鹿海亢战原楚候佘兰仵税展邸冼隋修麦苑泮禤帅揭庹撒粟鄢区邝褟敬练植初占肇官"
)
"""The surnames of the Hundred Family Surnames and others that are frequent today, of one character."""
FIRST_NAMES = _words(
    "james mary robert patricia john jennifer michael linda david elizabeth william barbara richard susan joseph "
    "jessica thomas karen daniel sarah matthew lisa anthony nancy mark betty paul sandra steven ashley andrew emily "
    "joshua donna kenneth michelle kevin carol brian amanda george melissa timothy deborah ronald stephanie edward "
    "rebecca jason sharon jeffrey laura ryan cynthia jacob kathleen gary amy nicholas angela eric shirley jonathan "
    "anna stephen brenda larry pamela justin emma scott nicole brandon helen benjamin samantha samuel katherine "
    "gregory christine alexander debra frank rachel patrick carolyn raymond janet jack catherine dennis maria jerry "
    "heather tyler diane aaron ruth jose julie adam olivia nathan joyce henry virginia douglas victoria zachary kelly "
    "peter lauren kyle christina noah joan ethan evelyn jeremy judith walter megan christian andrea keith cheryl "
    "roger hannah terry jacqueline austin martha sean gloria gerald teresa carl ann dylan sara harold madison jordan "
    "frances jesse kathryn bryan janice lawrence jean arthur abigail gabriel alice bruce julia logan judy billy "
    "sophia joe grace alan denise juan amber albert doris willie marilyn elijah danielle wayne beverly randy isabella "
    "vincent theresa mason diana roy natalie ralph brittany bobby charlotte russell marie bradley kayla philip alexis "
    "eugene lori chris louis"
)
LAST_NAMES = _words(
    "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson "
    "anderson thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson "
    "walker young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell "
    "mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris "
    "morales murphy cook rogers gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward "
    "richardson watson brooks chavez wood bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers "
    "long ross foster jimenez wang zhang liu chen yang huang zhao zhou wu xu sun zhu ma hu guo lin he gao luo zheng "
    "liang xie song tang feng deng cao peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei su lu ding ren "
    "shen yao cui zhong tan"
)
