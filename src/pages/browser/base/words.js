/** Texts that every page has. @type {import('./i18n.js').Words} */
export const BASE_WORDS = {
  'base.skip': ['Skip to content', '跳到正文'],
  'base.language': ['Language', '语言'],
  'base.theme': ['Theme', '主题'],
  'base.theme.system': ['System', '跟随系统'],
  'base.theme.light': ['Light', '浅色'],
  'base.theme.dark': ['Dark', '深色'],
  'base.close': ['Close', '关闭'],
  'base.cancel': ['Cancel', '取消'],
  'base.copy': ['Copy', '复制'],
  'base.copied': ['Copied', '已复制'],
  'base.search': ['Search', '搜索'],
  'base.live': ['Live', '实时'],
  'base.connecting': ['Connecting…', '连接中…'],
  'base.lost': ['Connection lost, trying again…', '连接已断开，正在重试…'],
  'base.rows': ['{n} rows', '{n} 行'],
  'base.rows.one': ['{n} row', '{n} 行'],
}
