export const rows = [
  { text: 'where is my parcel', label: 'track' },
  { text: 'my parcel has not come yet', label: 'track' },
  { text: 'when will my order arrive', label: 'track' },
  { text: 'has my order been shipped', label: 'track' },
  { text: 'any news of my parcel', label: 'track' },
  { text: 'please cancel my order', label: 'cancel' },
  { text: 'I do not want it any more', label: 'cancel' },
  { text: 'stop the order', label: 'cancel' },
  { text: 'call it off please', label: 'cancel' },
  { text: 'I changed my mind', label: 'cancel' },
]
